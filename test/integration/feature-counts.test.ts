/**
 * Counts of predictions by minute, feature and bin, over a real ClickHouse: whatever happens between the sink, the keeper of
 * counts and the table, each prediction is counted once. Held against sums that ClickHouse makes from the rows.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { pino } from "pino";
import {
  CountKeeper,
  type CountTable,
  type WatchedVersion,
} from "../../engine/monitor/drift/count-keeper.ts";
import { buildProfile } from "../../engine/monitor/references/reference-builder.ts";
import type { ReferenceProfile } from "../../engine/monitor/references/reference-profile.ts";
import { CountStore } from "../../storage/count-store.ts";
import { migrate } from "../../storage/migrate.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { createRandom } from "../support/random.ts";

const LOGGER = pino({ level: "silent" });
const DATABASE = "millrace";
const MODEL = "counted";
const EPOCH = 1_700_000_000_000;
/** Shortly before midnight, and lately: minutes are kept for 40 days. */
const START_S = Math.floor(Date.now() / 86_400_000) * 86_400 - 63 * 60;
const SPAN_S = 2 * 3_600 + 7 * 60;
const COLORS = ["red", "green", "blue"];

function makeProfile(): ReferenceProfile {
  const random = createRandom(7);
  const rows = 2_000;
  const normal = Float32Array.from({ length: rows }, () => random.between(-300, 300) / 100);
  const mostlyZero = Float32Array.from({ length: rows }, () =>
    random.between(0, 2) === 0 ? random.between(1, 9) : 0,
  );
  const columns = [
    { name: "amount", role: "input", type: "number" },
    { name: "color", role: "input", type: "category" },
    { name: "visits", role: "input", type: "number" },
    { name: "predicted_value", role: "output", type: "number" },
    { name: "predicted_class", role: "output", type: "category" },
  ] as const;
  const values = new Map<string, Float32Array | string[]>([
    ["amount", normal],
    ["color", Array.from({ length: rows }, (_, index) => COLORS[index % 2] as string)],
    ["visits", mostlyZero],
    ["predicted_value", normal.map((value) => 1 / (1 + Math.exp(-value)))],
    ["predicted_class", Array.from({ length: rows }, (_, index) => (index % 3 === 0 ? "yes" : "no"))],
  ]);
  return buildProfile(columns, values, { bins: 10 });
}

const PROFILE = makeProfile();
const VERSION: WatchedVersion = {
  model: MODEL,
  version: "1.0.0",
  referenceId: "first",
  profile: PROFILE,
  texts: ["color", "note"], // the note is not watched
};

/** Rows of the messages [first, last] in RowBinary: 1 to 40 a message, some of another version, some late, some with nulls, some with a number too many. */
function rowsQuery(first: number, last: number): string {
  return `SELECT ${EPOCH}::UInt64, seq::UInt64, fromUnixTimestamp64Milli((${START_S} * 1000 + seq * 900)::Int64, 'UTC'),
    CAST('http', 'Enum8(\\'http\\' = 1, \\'nats\\' = 2, \\'stream\\' = 3, \\'batch\\' = 4)'), toUUID('00000000-0000-0000-0000-000000000000'), '',
    '${MODEL}', if(h % 11 = 0, '2.0.0', '1.0.0'), if(h % 5 = 0, 'challenger', ''), 'entity', (h % 1000 / 1000)::Float32,
    if(h % 7 < 3, 'yes', if(h % 97 = 0, 'unheard', 'no')), [0.5::Float32, 0.5::Float32],
    arrayConcat([if(h % 31 = 0, nan, ((h % 700) - 350) / 100)::Float32, (if(h % 3 = 0, h % 12, 0))::Float32],
      if(h % 53 = 0, [0.5::Float32], [])),
    [if(h % 41 = 0, '', ['red', 'green', 'blue'][h % 3 + 1]), 'any'],
    1::Float32, 1::Float32, 1::Float32, 1::UInt16,
    fromUnixTimestamp64Milli((${START_S} * 1000 + (seq * 900 - if(h % 13 = 0, 3600000, 0)) % ${SPAN_S * 1000})::Int64, 'UTC'),
    toDateTime64(0, 3, 'UTC'), [('card', 'a', 1)]::Array(Tuple(String, String, UInt64)), map('amount', 'missing')::Map(String, String)
    FROM (SELECT number + ${first} AS seq, arrayJoin(range(1 + seq % 40)) AS row, cityHash64(seq, row) AS h
      FROM numbers(${last - first + 1})) ORDER BY seq, row FORMAT RowBinary`;
}

describe("counts of predictions", () => {
  let clickhouse: TestClickhouse;
  let counts: CountStore;
  let predictions: PredictionStore;
  before(async () => {
    clickhouse = await startTestClickhouse();
    await migrate(clickhouse.client, DATABASE, LOGGER);
    counts = new CountStore(clickhouse.client, DATABASE);
    predictions = new PredictionStore(clickhouse.client, DATABASE);
  });
  after(() => clickhouse?.remove());

  const bytesOf = async (query: string): Promise<Buffer> => {
    const { stream } = await clickhouse.client.exec({ query });
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks);
  };
  /** What must be counted, from the rows: by variant, feature and bin. */
  const expected = async (fromS: number, toS: number): Promise<Map<string, number>> => {
    const sums = new Map<string, number>();
    for (const { name, role, ...column } of PROFILE.columns) {
      const place = { amount: "features[1]", visits: "features[2]", color: "categories[1]" }[name] ?? name;
      const bin =
        column.type === "number"
          ? `if(isNaN(${place}), ${column.counts.length}, arrayCount(e -> e < ${place}, [${column.edges.map((edge) => `toFloat32(${edge})`).join()}]))`
          : `if(${place} = '', ${column.counts.length}, if(indexOf([${column.values.map((value) => `'${value}'`).join()}], ${place}) = 0, ${column.counts.length - 1}, indexOf([${column.values.map((value) => `'${value}'`).join()}], ${place}) - 1))`;
      const result = await clickhouse.client.query({
        query: `SELECT variant, toUInt32(${bin}) AS bin, count() AS count FROM ${DATABASE}.predictions
          WHERE model_name = '${MODEL}' AND model_version = '1.0.0' AND length(features) = 2
            AND prediction_date >= toDateTime(${fromS}, 'UTC') AND prediction_date < toDateTime(${toS}, 'UTC')
          GROUP BY variant, bin`,
        format: "JSONEachRow",
      });
      for (const row of await result.json<{ variant: string; bin: number; count: string }>())
        sums.set(`${row.variant}|${role}|${name}|${row.bin}`, Number(row.count));
    }
    const misfits = await clickhouse.client.query({
      query: `SELECT variant, count() AS count FROM ${DATABASE}.predictions
        WHERE model_name = '${MODEL}' AND model_version = '1.0.0' AND length(features) != 2
          AND prediction_date >= toDateTime(${fromS}, 'UTC') AND prediction_date < toDateTime(${toS}, 'UTC')
        GROUP BY variant`,
      format: "JSONEachRow",
    });
    for (const row of await misfits.json<{ variant: string; count: string }>())
      sums.set(`${row.variant}|output|*|0`, Number(row.count));
    return sums;
  };
  const found = async (fromS: number, toS: number): Promise<Map<string, number>> => {
    const rows = await counts.sum(VERSION, [[fromS, toS]]);
    return new Map(rows.map((row) => [`${row.variant}|${row.role}|${row.feature}|${row.bin}`, row.count]));
  };
  const sorted = (sums: Map<string, number>): [string, number][] =>
    [...sums].sort(([a], [b]) => (a < b ? -1 : 1));

  it("has each prediction once, whatever fails and is started anew", async (t) => {
    const random = createRandom();
    t.diagnostic(`TEST_SEED=${random.seed}`);
    const misfitsTold: string[] = [];
    let sinkSeq = 1; // message 1 is of another model
    let failure: "none" | "before" | "after" = "none";
    const table: CountTable = {
      insert: async (rows, token) => {
        const now = failure;
        failure = "none";
        if (now === "before") throw new Error("ClickHouse is away");
        await counts.insert(rows, token);
        if (now === "after") throw new Error("the answer was lost");
      },
      runningInserts: () => counts.runningInserts(),
      countedTo: (version) => counts.countedTo(version),
      uncountedTo: (version, from) => counts.uncountedTo(version, from, 500),
      readPredictions: (version, from, to) => counts.readPredictions(version, from, to),
    };
    const startKeeper = (): CountKeeper => {
      const started = new CountKeeper({
        table,
        sinkPosition: () => ({ epoch: EPOCH, seq: sinkSeq }),
        logger: pino({ level: "error" }, { write: (line) => misfitsTold.push(line) }),
      });
      started.watch([VERSION]);
      return started;
    };
    let keeper = startKeeper();
    let settled = 0;
    const store = async (isTold: boolean): Promise<void> => {
      const afterSeq = sinkSeq;
      const seq = afterSeq + random.between(1, 60);
      const rows = await bytesOf(rowsQuery(afterSeq + 1, seq));
      assert.equal(await predictions.insert(rows, `${EPOCH}:${seq}`), undefined);
      sinkSeq = seq;
      if (isTold) keeper.stored({ rows, epoch: EPOCH, afterSeq, seq });
    };
    for (let step = 0; step < 120; step++) {
      const dice = random.between(1, 20);
      if (dice <= 12) await store(true);
      else if (dice === 13) await store(false);
      else if (dice === 14) keeper = startKeeper();
      else if (dice === 15) failure = "before";
      else if (dice === 16) failure = "after";
      else {
        await keeper.settle();
        settled++;
      }
    }
    failure = "none";
    assert.equal((await keeper.settle()).length, 1);
    assert.ok(misfitsTold.length > 0 && misfitsTold.length <= settled + 1, "one line a settling at most");
    await store(false); // and nothing comes after it that would show the gap
    assert.equal((await keeper.settle()).length, 1);
    const whole = [START_S - 7_200, START_S + SPAN_S + 60] as const;
    const all = await found(...whole);
    assert.ok([...all.values()].reduce((sum, count) => sum + count, 0) > 10_000, "there is much to count");
    assert.ok((all.get("|output|*|0") ?? 0) > 10, "and rows that do not fit");
    assert.deepEqual(sorted(all), sorted(await expected(...whole)));
    for (let window = 0; window < 5; window++) {
      const fromS = START_S - 3_600 + 60 * random.between(0, 90);
      const toS = fromS + 60 * random.between(1, 120);
      assert.deepEqual(sorted(await found(fromS, toS)), sorted(await expected(fromS, toS)));
    }
    const [first] = await clickhouse.client
      .query({
        query: `SELECT toUnixTimestamp(toStartOfMinute(min(prediction_date))) AS minute FROM ${DATABASE}.predictions
          WHERE model_name = '${MODEL}' AND model_version = '1.0.0'`,
        format: "JSONEachRow",
      })
      .then(async (result) => result.json<{ minute: number }>());
    assert.equal(
      await counts.firstPaneMs(VERSION),
      (first?.minute ?? 0) * 1000,
      "no window before it is asked for",
    );
    await clickhouse.client.command({ query: `OPTIMIZE TABLE ${DATABASE}.feature_counts FINAL` });
    assert.deepEqual(sorted(await found(...whole)), sorted(all), "merging changes nothing");
  });

  it("counts from the beginning for another reference", async () => {
    const keeper = new CountKeeper({
      table: counts,
      sinkPosition: () => ({ epoch: EPOCH, seq: 1_000_000 }),
      logger: LOGGER,
    });
    keeper.watch([{ ...VERSION, referenceId: "second" }]);
    assert.equal((await keeper.settle()).length, 1);
    const whole = [[START_S - 7_200, START_S + SPAN_S + 60]] as const;
    const other = await counts.sum({ ...VERSION, referenceId: "second" }, whole);
    const first = await counts.sum(VERSION, whole);
    const total = (rows: readonly { count: number }[]): number =>
      rows.reduce((sum, { count }) => sum + count, 0);
    assert.ok(total(first) > 0);
    assert.equal(total(other), total(first));
  });
});
