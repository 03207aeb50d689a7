/**
 * Requests that are read from their bytes are what JSON.parse and FeaturePlan make of them: the same floats, the same fields beside them,
 * or the same refusal. Whatever is not as expected is changed at every byte.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../engine/core/seeded-random.ts";
import { FeaturePlan } from "../../../engine/feature-plan.ts";
import { ReadFeatures, readBatchRequest, readRequest } from "../../../engine/request-json.ts";
import { mixedManifest } from "../../support/manifests.ts";

const MIXED = new FeaturePlan(mixedManifest());
const GOOD = '{"size": 1.5, "age": 40, "color": "blue", "new": true}';
const NUMBERS = new FeaturePlan(
  mixedManifest({
    inputs: [
      { name: "a", type: "float" },
      { name: "b", type: "float", min: -10, max: 10 },
      { name: "c", type: "int" },
    ],
  }),
);

type Reading = typeof readRequest;

/** What the features come to: floats, or the fields that are refused. */
function written(plan: FeaturePlan, features: unknown): unknown {
  const row = new Float32Array(plan.width);
  const texts: string[] = [];
  const error =
    features instanceof ReadFeatures
      ? features.write(plan, row, 0, texts, 0)
      : plan.write(features, row, 0, texts, 0);
  return error === undefined ? [...row] : error.details;
}

function outcomeOf(plan: FeaturePlan, read: () => unknown): unknown {
  let body: unknown;
  try {
    body = read();
  } catch {
    return "no JSON";
  }
  const resolved = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null || !("features" in value)) return value;
    return { ...value, features: written(plan, value.features) };
  };
  const { instances } = (body ?? {}) as { instances?: unknown };
  return Array.isArray(instances)
    ? { ...(body as object), instances: instances.map(resolved) }
    : resolved(body);
}

function checkSame(plan: FeaturePlan, text: string | Buffer, read: Reading = readRequest): void {
  const bytes = Buffer.from(text);
  const expected = outcomeOf(plan, () => JSON.parse(bytes.toString("utf8")));
  assert.deepEqual(
    outcomeOf(plan, () => read(bytes, plan)),
    expected,
    `of ${bytes.toString("utf8")}`,
  );
}

function isRead(plan: FeaturePlan, text: string): boolean {
  const { features } = readRequest(Buffer.from(text), plan) as { features: unknown };
  return features instanceof ReadFeatures;
}

/** Every beginning of the text, and the text with each byte replaced, dropped and doubled. */
function* changed(text: string): Generator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at++) {
    yield bytes.subarray(0, at);
    yield Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
    yield Buffer.concat([bytes.subarray(0, at + 1), bytes.subarray(at)]);
    for (const byte of '"\\{}[],:0-.e9 tn\n\x7f\xff') {
      const copy = Buffer.from(bytes);
      copy[at] = byte.charCodeAt(0);
      yield copy;
    }
  }
}

function randomDigits(random: SeededRandom, length: number): string {
  return Array.from({ length }, () => Math.floor(random.uniform() * 10)).join("");
}

/** Numbers as people, programs and attackers write them, some of them none. */
function randomNumber(random: SeededRandom): string {
  const sign = random.uniform() < 0.3 ? "-" : "";
  const whole = random.uniform() < 0.6 ? "0" : randomDigits(random, 1 + Math.floor(random.uniform() * 12));
  const part = random.uniform() < 0.2 ? "" : `.${randomDigits(random, Math.floor(random.uniform() * 28))}`;
  const exponent =
    random.uniform() < 0.8 ? "" : `e${random.uniform() < 0.5 ? "-" : "+"}${randomDigits(random, 2)}`;
  return `${sign}${whole}${part}${exponent}`;
}

describe("a request read from its bytes", () => {
  it("is taken as senders write it", () => {
    assert.ok(isRead(MIXED, `{"model":"m","features":${GOOD}}`));
    assert.ok(isRead(MIXED, `{"model":"m","features":${GOOD.replaceAll(" ", "")},"request_id":"\u00e4{"}`));
    assert.ok(isRead(MIXED, `{"features": ${GOOD}, "entity_id": "features"}`));
    assert.ok(isRead(NUMBERS, '{"features":{"a":0.12345678901234567,"b":-1e-3,"c":7}}'));
  });

  it("has the floats that JSON.parse gives, however a number is written", () => {
    const random = new SeededRandom(7);
    for (let round = 0; round < 30_000; round++) {
      const [a, b, c] = [randomNumber(random), randomNumber(random), randomNumber(random)];
      checkSame(NUMBERS, `{"features":{"a":${a},"b":${b},"c":${c}}}`);
    }
  });

  it("rounds as JSON.parse does halfway between two floats", () => {
    const random = new SeededRandom(8);
    let read = 0;
    for (let round = 0; round < 5_000; round++) {
      const float = Math.fround(random.uniform() * 10);
      const next = new Float32Array(new Uint32Array([bitsOf(float) + 1]).buffer)[0] as number;
      const half = ((float + next) / 2).toFixed(20);
      for (const text of [
        half.slice(0, 18),
        half.slice(0, 22),
        `${half.slice(0, 20)}1`,
        `${half.slice(0, 24)}9`,
      ]) {
        const request = `{"features":{"a":${text},"b":${text},"c":1}}`;
        checkSame(NUMBERS, request);
        if (isRead(NUMBERS, request)) read++;
      }
    }
    assert.ok(read > 19_000, `only ${read} were read`);
  });

  it("is what JSON.parse says wherever it is cut off or changed", () => {
    for (const text of [
      `{"model":"m","features":${GOOD},"request_id":"r"}`,
      '{"features":{"a":-0.25,"b":1.5e0,"c":12},"timeout_ms":5}',
    ])
      for (const bytes of changed(text)) for (const plan of [MIXED, NUMBERS]) checkSame(plan, bytes);
  });

  it("is not deceived by what looks like features", () => {
    for (const text of [
      `{"entity_id":"\\"features\\":${GOOD.replaceAll('"', '\\"')}","features":${GOOD}}`,
      `{"x\\"features":${GOOD}}`,
      `{"entities":{"features":${GOOD}},"features":${GOOD}}`,
      `{"entities":{"features":${GOOD}}}`,
      `{"features":${GOOD},"features":1}`,
      `{"features":${GOOD},"features":${GOOD.replace("1.5", "2.5")}}`,
      `{"features":${GOOD.replace("1.5", '1.5, "size": 2')}}`,
      `[{"features":${GOOD}}]`,
      `{"features":${GOOD}}{}`,
      `\uFEFF{"features":${GOOD}}`,
    ])
      checkSame(MIXED, text);
  });

  it("is parsed for another plan than the one that it was read for", () => {
    const { features } = readRequest(Buffer.from(`{"features":${GOOD}}`), MIXED) as {
      features: ReadFeatures;
    };
    assert.deepEqual(features.parse(), JSON.parse(GOOD));
    assert.deepEqual(written(NUMBERS, features), written(NUMBERS, JSON.parse(GOOD)));
  });
});

describe("a request with instances read from its bytes", () => {
  const instance = `{"features":${GOOD}}`;

  it("has many rows, each its own", () => {
    const rows = Array.from({ length: 200 }, (_, row) => `{"features":{"a":${row}.5,"b":1,"c":${row}}}`);
    const text = `{"model":"m","instances":[${rows.join(",")}]}`;
    checkSame(NUMBERS, text, readBatchRequest);
    const { instances } = readBatchRequest(Buffer.from(text), NUMBERS) as {
      instances: { features: unknown }[];
    };
    assert.ok(instances.every(({ features }) => features instanceof ReadFeatures));
  });

  it("is what JSON.parse says wherever it is cut off or changed", () => {
    const named = `{"request_id":"r{","features":${GOOD},"entity_id":"}"}`;
    for (const bytes of changed(`{"instances": [${instance}, ${instance}],"timeout_ms":3}`))
      checkSame(MIXED, bytes, readBatchRequest);
    for (const bytes of changed(`{"instances":[${instance},${named}]}`))
      checkSame(MIXED, bytes, readBatchRequest);
  });

  it("is parsed where some instance is not as expected", () => {
    for (const other of [
      "{}",
      "1",
      "null",
      '{"features":{}}',
      `{"features":${GOOD},"features":2}`,
      `{"x":[${instance}]}`,
    ])
      checkSame(MIXED, `{"instances":[${instance},${other},${instance}]}`, readBatchRequest);
    checkSame(MIXED, '{"instances":[]}', readBatchRequest);
  });
});

function bitsOf(float: number): number {
  return new Uint32Array(new Float32Array([float]).buffer)[0] as number;
}
