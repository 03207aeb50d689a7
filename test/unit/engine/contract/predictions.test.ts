/**
 * The hot path reads requests by hand: what the described schema takes the parser takes, and the reverse, over generated bodies.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { batchInstance, batchRequest, predictRequest } from "../../../../engine/contract/predictions.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { parseHead } from "../../../../engine/predict.ts";
import { createRandom, type Random } from "../../../support/random.ts";

const BODIES = 20_000;

/** At, below and above every bound; of every JSON type. */
const TEXTS = [
  "",
  "a",
  "x".repeat(128),
  "x".repeat(129),
  "🎈".repeat(64),
  "🎈".repeat(65),
  null,
  3,
  true,
  {},
  [],
];
const TIMES = [1, 0, -1, 0.5, 600_000, 600_000.5, 1e-300, null, "5", true, [], {}];
const EXPLAINS = [true, false, null, 1, 0, -1, 1.5, 4096, 4097, "true", [], {}];
const FEATURES = [{}, { a: 1 }, { a: null, b: "x", c: true }, [], null, "a", 1, true];
const WHOLES = [null, [], "text", 1, true];

function pick<T>(random: Random, all: readonly T[]): T {
  return all[random.between(0, all.length - 1)] as T;
}

function entities(random: Random): unknown {
  const count = pick(random, [0, 1, 2, 16, 17]);
  const ids = Array.from({ length: count }, (_, at) => [`key_${at}`, at === 0 ? pick(random, TEXTS) : "id"]);
  return pick(random, [Object.fromEntries(ids), Object.fromEntries(ids), null, "a", [], ["a"], 5]);
}

/** Most fields are absent, so that many bodies are wrong in one field or in none. */
function head(random: Random): Record<string, unknown> {
  const made: Record<string, () => unknown> = {
    model: () => pick(random, TEXTS),
    version: () => pick(random, TEXTS),
    request_id: () => pick(random, TEXTS),
    entity_id: () => pick(random, TEXTS),
    timeout_ms: () => pick(random, TIMES),
    explain: () => pick(random, EXPLAINS),
    entities: () => entities(random),
    unknown_field: () => 1,
  };
  const chosen = Object.keys(made).filter(() => random.next() < 0.2);
  return Object.fromEntries(chosen.map((name) => [name, made[name]?.()]));
}

function isTaken(work: () => unknown): boolean {
  try {
    return work() !== false;
  } catch (error) {
    assert.ok(error instanceof EngineError, String(error));
    return false;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

interface Counts {
  taken: number;
  refused: number;
}

/** Compares `schema` with `parse` on generated bodies; both kinds must come up often. */
function compare(
  random: Random,
  generate: () => unknown,
  schema: { safeParse(body: unknown): { success: boolean } },
  parse: (body: unknown) => unknown,
): void {
  const counts: Counts = { taken: 0, refused: 0 };
  for (let at = 0; at < BODIES; at++) {
    const body = generate();
    const isParsed = isTaken(() => parse(body));
    counts[isParsed ? "taken" : "refused"]++;
    assert.equal(schema.safeParse(body).success, isParsed, `seed ${random.seed}: ${JSON.stringify(body)}`);
  }
  assert.ok(counts.taken > BODIES / 20 && counts.refused > BODIES / 20, JSON.stringify(counts));
}

describe("the schemas of prediction requests", () => {
  it("take what the parser of one row takes, and nothing else", () => {
    const random = createRandom();
    const generate = (): unknown => {
      if (random.next() < 0.02) return pick(random, WHOLES);
      const body = head(random);
      if (random.next() < 0.05) body["instances"] = [];
      return random.next() < 0.05
        ? body
        : { ...body, features: random.next() < 0.8 ? { a: 1 } : pick(random, FEATURES) };
    };
    compare(random, generate, predictRequest, (body) => {
      parseHead(body, "", 1_000);
      const { features, instances } = body as Record<string, unknown>;
      return isObject(features) && instances === undefined;
    });
  });

  it("take what the parser of a batch takes, and nothing else", () => {
    const random = createRandom();
    const generate = (): unknown => {
      const body = head(random);
      if (random.next() < 0.05) body["features"] = {};
      const instances = pick(random, [
        [],
        [{ features: { a: 1 } }],
        null,
        "a",
        {},
        [{ features: {} }],
        undefined,
      ]);
      return { ...body, ...(instances === undefined ? {} : { instances }) };
    };
    compare(random, generate, batchRequest, (body) => {
      parseHead(body, "", 1_000);
      const { features, instances, request_id, entity_id, entities: ids } = body as Record<string, unknown>;
      const named = [request_id, entity_id, ids].some((id) => id !== undefined && id !== null);
      return features === undefined && !named && Array.isArray(instances) && instances.length > 0;
    });
  });

  it("take what the parser of a batch's rows takes, and nothing else", () => {
    const random = createRandom();
    const generate = (): unknown => ({ ...head(random), features: { a: 1 } });
    compare(random, generate, batchInstance, (body) => {
      const { explain } = parseHead(body, "", 1_000);
      return explain === 0;
    });
  });
});
