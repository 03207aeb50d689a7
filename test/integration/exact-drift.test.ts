/**
 * `GET /monitoring/{model}/drift?exact=true` in a running engine: SciPy's numbers of samples whose rows lie in ClickHouse, the
 * same bins as the counters', and what is refused.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { ReferenceDocument } from "../../engine/monitor/references/reference-document.ts";
import { MIGRATIONS } from "../../storage/migrations.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { assertClose } from "../support/close.ts";
import { driftGoldens } from "../support/drift-samples.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { createRandom } from "../support/random.ts";
import { type StoredPrediction, storePredictions } from "../support/stored-predictions.ts";

const DAY_MS = 86_400_000;
const TODAY_MS = Math.floor(Date.now() / DAY_MS) * DAY_MS;
const BEFORE = dayOf(-5);
const NOW = dayOf(-3);
const CROWDED = dayOf(-8);
const REFERENCE = "/models/card-fraud/versions/1.0.0/reference";
const PATH = "/monitoring/card-fraud/drift";

const golden = (driftGoldens("numbers") as readonly Golden[]).find(({ name }) => name === "normal, shifted");

interface Golden {
  readonly name: string;
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly scipy: Readonly<Record<"d" | "exact" | "wasserstein", number>>;
}

interface Measures {
  readonly rows: number;
  readonly psi: number;
  readonly jensen_shannon: number;
  readonly chi_square: unknown;
  readonly null_rate: unknown;
}

interface Answer extends Measures {
  readonly exact?: Readonly<Record<"rows" | "reference_rows", number>>;
  readonly columns: readonly (Measures & {
    readonly feature: string;
    readonly exact?: Measures & {
      readonly ks: { readonly statistic: number; readonly p_value: number; readonly mode: string } | null;
      readonly wasserstein: { readonly distance: number; readonly normalized: number } | null;
    };
  })[];
}

let engine: TestEngine;

before(async () => {
  engine = await startTestEngine();
  // the counters begin once the sink has stored something
  assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
  assert.ok(golden !== undefined);
  await storePredictions(engine.clickhouse(), [
    ...toPredictions(golden.reference, TODAY_MS - 5 * DAY_MS, 1),
    ...toPredictions(golden.current, TODAY_MS - 3 * DAY_MS, 2),
  ]);
  // these predictions did not come through the sink, which makes all tables before it stores any
  await eventually(
    "all tables are there",
    async () => {
      const applied = await engine.sql<{ id: number }>(
        "SELECT max(id) AS id FROM millrace.schema_migrations",
      );
      return applied[0]?.id === MIGRATIONS.at(-1)?.id;
    },
    30_000,
  );
  const made = await engine.post(REFERENCE, { window: BEFORE });
  assert.equal(made.status, 201, await made.text());
});
after(async () => engine?.[Symbol.asyncDispose]());

function dayOf(days: number): { readonly from: string; readonly to: string } {
  const iso = (day: number): string => new Date(TODAY_MS + day * DAY_MS).toISOString();
  return { from: iso(days), to: iso(days + 1) };
}

/** Predictions whose amount is the sample's, beside random ones of many ties and of two variants. */
function toPredictions(amounts: readonly number[], fromMs: number, seed: number): StoredPrediction[] {
  const random = createRandom(seed);
  return amounts.map((amount, at) => ({
    madeMs: fromMs + at * 1000,
    score: random.next() ** seed,
    variant: at % 3 === 0 ? "b" : "",
    inputs: {
      amount,
      hour: random.between(0, 20 + seed),
      country: ["DE", "FR", "US"][random.between(0, seed)] as string,
    },
  }));
}

async function ask(query: Record<string, string>): Promise<Response> {
  return engine.get(`${PATH}?${new URLSearchParams(query).toString()}`);
}

async function measured(query: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await ask({ exact: "true", ...query });
  assert.equal(response.status, 200, await response.clone().text());
  return jsonOf<Answer>(response);
}

/** By definition: distance functions over all values that are there. */
function bruteForce(left: Float32Array, right: Float32Array): { d: number; distance: number } {
  const values = [...new Set([...left, ...right])].sort((a, b) => a - b);
  const share = (of: Float32Array, value: number): number =>
    of.filter((one) => one <= value).length / of.length;
  const gaps = values.map((value) => Math.abs(share(left, value) - share(right, value)));
  const widths = values.map((value, at) => (values[at + 1] ?? value) - value);
  return {
    d: Math.max(...gaps),
    distance: gaps.reduce((sum, gap, at) => sum + gap * (widths[at] as number), 0),
  };
}

async function stored(expression: string, { from, to }: typeof NOW): Promise<Float32Array> {
  const rows = await engine.sql<{ value: number }>(
    `SELECT ${expression} AS value FROM millrace.predictions
     WHERE prediction_date >= parseDateTime64BestEffort({from:String}, 3) AND prediction_date < parseDateTime64BestEffort({to:String}, 3)`,
    { from, to },
  );
  return Float32Array.from(rows, ({ value }) => value);
}

describe("drift measured exactly", () => {
  it("is SciPy's, and what a brute force over the rows gives", async () => {
    const { exact, columns } = await measured(NOW);
    assert.ok(golden !== undefined);
    assert.deepEqual([exact?.rows, exact?.reference_rows], [golden.current.length, golden.reference.length]);
    const amount = columns.find(({ feature }) => feature === "amount")?.exact;
    const { d, exact: pValue, wasserstein } = golden.scipy;
    assertClose(amount?.ks?.statistic, d, "D", 1e-9);
    assertClose(amount?.ks?.p_value, pValue, "p", 1e-9);
    assert.equal(amount?.ks?.mode, "exact");
    assertClose(amount?.wasserstein?.distance, wasserstein, "Wasserstein", 1e-9);
    for (const [feature, expression] of [
      ["predicted_value", "predicted_value"],
      ["hour", "features[2]"],
    ] as const) {
      const found = columns.find((column) => column.feature === feature)?.exact;
      const expected = bruteForce(await stored(expression, BEFORE), await stored(expression, NOW));
      assertClose(found?.ks?.statistic, expected.d, feature, 1e-9);
      assertClose(found?.wasserstein?.distance, expected.distance, feature, 1e-9);
    }
    assert.equal(columns.find(({ feature }) => feature === "country")?.exact?.ks, null);
  });

  it("agrees with the counters in everything that is of bins", async () => {
    const isCounted = async (): Promise<Answer | false> => {
      const answer = await measured(NOW);
      return answer.rows === golden?.current.length && answer;
    };
    const { columns } = await eventually("the predictions are counted", isCounted, 60_000);
    for (const { feature, exact, ...counted } of columns)
      for (const field of ["rows", "psi", "jensen_shannon", "chi_square", "null_rate"] as const)
        assert.deepEqual(exact?.[field], counted[field], `${field} of ${feature}`);
    assert.ok(columns.some(({ psi }) => psi > 0.05));
    const { exact } = await jsonOf<Answer>(await ask(NOW));
    assert.equal(exact, undefined, "it is not asked for");
  });

  it("is that of one variant, or of another window as the reference", async () => {
    const { exact } = await measured({ ...NOW, variant: "b" });
    assert.equal(exact?.rows, Math.ceil((golden?.current.length ?? 0) / 3));
    assert.equal(exact?.reference_rows, golden?.reference.length);
    const same = await measured({ ...NOW, reference_from: NOW.from, reference_to: NOW.to });
    for (const { feature, exact: found } of same.columns) {
      assert.equal(found?.ks?.statistic ?? 0, 0, feature);
      assert.equal(found?.wasserstein?.distance ?? 0, 0, feature);
    }
    const empty = await measured(dayOf(-2));
    assert.equal(empty.exact?.rows, 0);
    assert.ok(empty.columns.every((column) => column.exact?.ks === null));
  });

  it("is worked out one at a time", async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, async () => ask({ ...NOW, exact: "true" })));
    const statuses = answers.map(({ status }) => status);
    assert.ok(statuses.includes(200) && statuses.includes(429), statuses.join());
    assert.equal((await ask({ ...NOW, exact: "true" })).status, 200);
  });

  it("is refused for more than a million rows, by the side that has them", async () => {
    await engine.clickhouse().command({
      query: `INSERT INTO millrace.predictions (log_epoch, log_seq, logged_date, source, prediction_id, model_name, model_version, predicted_value, features, categories, prediction_date)
        SELECT 1, 1, moment, 'batch', generateUUIDv4(), 'card-fraud', '1.0.0', 0.5, [1, 1, 1, 1, 1, 1, 1, 1, 1], ['a', 'b'], moment
        FROM (SELECT fromUnixTimestamp64Milli({fromMs:Int64} + number) AS moment FROM numbers(1000001))`,
      query_params: { fromMs: Date.parse(CROWDED.from) },
    });
    const window = await errorOf(await ask({ ...CROWDED, exact: "true" }), 400, "INVALID_REQUEST");
    assert.match(window.message, /1000001 predictions, and at most 1000000 a side .* or leave out exact/);
    assert.equal(window.details[0]?.field, "from");
    const asked = { ...NOW, exact: "true", reference_from: CROWDED.from, reference_to: CROWDED.to };
    const reference = await errorOf(await ask(asked), 400, "INVALID_REQUEST");
    assert.equal(reference.details[0]?.field, "reference_from");
  });

  it("is refused where the question makes no sense, by name", async () => {
    const wrong: [Readonly<Record<string, string>>, RegExp][] = [
      [{ exact: "maybe" }, /^exact /],
      [{ reference_from: NOW.from, reference_to: NOW.to }, /reference_from is asked for beside exact=true/],
      [{ exact: "true", reference_to: NOW.to }, /reference_from is needed/],
      [{ exact: "true", reference_from: NOW.to, reference_to: NOW.from }, /must be before reference_to/],
      [{ exact: "true", reference_from: "yesterday", reference_to: NOW.to }, /reference_from must be/],
      [
        { exact: "true", reference_from: "2020-01-01T00:00:00Z", reference_to: "2020-01-02T00:00:00Z" },
        /has no predictions of card-fraud@1\.0\.0 from 2020-01-01/,
      ],
    ];
    for (const [query, pattern] of wrong) {
      const error = await errorOf(await ask({ ...NOW, ...query }), 400, "INVALID_REQUEST");
      assert.match(error.message, pattern);
    }
  });

  it("needs a window to compare with where the reference came from a file", async () => {
    const { profile } = await jsonOf<ReferenceDocument>(await engine.get(REFERENCE));
    const [amount, ...rest] = profile.columns;
    assert.ok(amount?.type === "number");
    const body = JSON.stringify({ profile: { ...profile, columns: [{ ...amount, mean: 1 }, ...rest] } });
    const headers = { "content-type": "application/json" };
    const answer = await fetch(new URL(REFERENCE, engine.httpUrl), { method: "PUT", body, headers });
    assert.equal(answer.status, 201);
    const error = await errorOf(await ask({ ...NOW, exact: "true" }), 409, "CONFLICT");
    assert.match(error.message, /rows are not kept: name a window .* reference_from and reference_to/);
    const { columns } = await measured({ ...NOW, reference_from: BEFORE.from, reference_to: BEFORE.to });
    const found = columns.find(({ feature }) => feature === "amount")?.exact;
    assertClose(found?.ks?.statistic, golden?.scipy.d, "D", 1e-9);
  });
});
