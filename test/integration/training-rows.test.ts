/**
 * Training tables of what was served and later labelled, in a real ClickHouse: late, corrected and immature labels, several versions,
 * and replays up to the positions of the first reading.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import type { LabelPositions } from "../../engine/core/labelled-rows.ts";
import { type ModelManifest, parseManifest } from "../../engine/core/manifest.ts";
import { trainingData } from "../../engine/core/training-data.ts";
import { trainingSource } from "../../engine/core/training-lineage.ts";
import { fingerprintOf } from "../../engine/train/data/fingerprint.ts";
import { labelledTable, type SourcedTable } from "../../engine/train/data/labelled-table.ts";
import { readPositions } from "../../storage/changed-label-hours.ts";
import type { ClickHouse } from "../../storage/clickhouse.ts";
import { countServedRows, readServedRows } from "../../storage/served-rows.ts";
import { hasCode } from "../support/error-code.ts";
import { DAY_MS, HOUR_MS, START_MS, storeLabels, storePredictions } from "../support/label-tables.ts";
import { startTestTables, type TestTables } from "../support/test-tables.ts";

const database = "millrace";
const FROM = new Date(START_MS).toISOString();
const TO = new Date(START_MS + 10 * DAY_MS).toISOString();
const PERIOD = { source: "labelled", from: FROM, to: TO, rows_max: 1000 };

const MANIFEST = parseManifest({
  name: "m",
  version: "1.0.0",
  runtime: "onnx",
  inputs: [
    { name: "amount", type: "float" },
    { name: "word", type: "text", nullable: true },
    { name: "color", type: "category", categories: ["red", "blue"] },
    { name: "age", type: "int", nullable: true },
    { name: "at", type: "timestamp" },
  ],
  input_tensor: "features",
  preprocessing: [{ type: "select", columns: ["amount"] }],
  outputs: [{ name: "p", type: "probabilities" }],
  classes: ["no", "yes"],
});
const AT = "2026-03-01T00:00:00.000Z";

describe("a training table of served and labelled predictions", () => {
  let stored: TestTables;
  let client: ClickHouse;
  before(async () => {
    stored = await startTestTables(database);
    client = stored.client;
  });
  after(async () => stored?.remove());
  beforeEach(async () => {
    await stored.truncate("predictions", "labels");
  });

  const tables = {
    readPositions: async (model: string) => readPositions(client, database, model),
    count: async (scope: Parameters<typeof countServedRows>[2]) => countServedRows(client, database, scope),
    read: async (question: Parameters<typeof readServedRows>[2], labelled: number) =>
      readServedRows(client, database, question, labelled),
  };

  async function tableOf(
    spec: object = {},
    {
      upTo,
      nowMs = START_MS + 20 * DAY_MS,
      versions = [MANIFEST],
      manifest = MANIFEST,
    }: {
      upTo?: LabelPositions;
      nowMs?: number;
      versions?: readonly ModelManifest[];
      manifest?: ModelManifest;
    } = {},
  ): Promise<SourcedTable> {
    const data = trainingData.parse({ ...PERIOD, ...spec });
    assert.ok(data.source === "labelled");
    const found = await labelledTable({ data, manifest, versions, nowMs, upTo }, tables);
    trainingSource.parse(found.source);
    return found;
  }

  const row = (number: number, more: object = {}) => ({
    number,
    atMs: number * HOUR_MS,
    numbers: [number, number + 0.5],
    categories: [`w${number % 3}`, number % 2 === 0 ? "red" : "blue", AT],
    ...more,
  });
  const amounts = ({ table }: SourcedTable): number[] =>
    Array.from({ length: table.raw.count }, (_, at) => table.raw.numbers[at * table.inputs.length] as number);
  const positionsOf = ({ source }: SourcedTable): LabelPositions => {
    assert.ok(source.source === "labelled");
    return source.positions;
  };

  it("has every logged feature as it was served, in the order of time", async () => {
    await storePredictions(client, database, [
      row(2, { entityId: "e" }),
      row(1, { numbers: [1, Number.NaN], categories: ["", "", AT], entityId: "e" }),
      row(3),
      row(4, { version: "9.9.9" }),
      row(5, { model: "other" }),
    ]);
    await storeLabels(client, database, [
      { seq: 1, number: 1, label: "yes" },
      { seq: 2, number: 2, label: "no" },
      { seq: 3, number: 3, label: "perhaps" },
      { seq: 4, number: 4, label: "no" },
      { seq: 5, number: 5, label: "no", model: "other" },
    ]);
    const found = await tableOf();
    const { table } = found;
    assert.equal(table.raw.count, 2);
    assert.deepEqual([...table.raw.numbers], [1, 0, Number.NaN, Number.NaN, 0, 2, 0, 0, 2.5, 0]);
    assert.deepEqual(table.raw.texts, ["", AT, "w2", AT]);
    assert.deepEqual([...table.targets], [1, 0]);
    assert.deepEqual([...(table.timesMs ?? [])], [START_MS + HOUR_MS, START_MS + 2 * HOUR_MS]);
    assert.equal(table.groups[0], table.groups[1], "both are of one entity");
    assert.deepEqual(table.classes, ["no", "yes"]);
    assert.match(found.notes[0]?.message ?? "", /^1 labels are none of the classes no, yes/);
  });

  it("has the label that counts at as_of, and replays give the same fingerprint whatever came since", async () => {
    await storePredictions(
      client,
      database,
      [1, 2, 3].map((number) => row(number)),
    );
    await storeLabels(client, database, [
      { seq: 1, number: 1, label: "yes", arrivalMs: DAY_MS },
      { seq: 2, number: 2, label: "no", arrivalMs: DAY_MS },
    ]);
    const asOf = new Date(START_MS + 5 * DAY_MS).toISOString();
    const first = await tableOf({ as_of: asOf });
    assert.deepEqual([...first.table.targets], [1, 0]);

    // a correction and a late label, a late prediction; one label arrived before as_of but was stored later
    await storeLabels(client, database, [
      { seq: 3, number: 1, label: "no", arrivalMs: 2 * DAY_MS },
      { seq: 4, number: 3, label: "yes", arrivalMs: 6 * DAY_MS },
      { seq: 5, number: 7, label: "yes", arrivalMs: 3 * DAY_MS },
    ]);
    await storePredictions(client, database, [row(7)]);
    const replayed = await tableOf({ as_of: asOf }, { upTo: positionsOf(first) });
    assert.equal(fingerprintOf(replayed.table), fingerprintOf(first.table));
    assert.deepEqual(replayed.source, first.source);
    const later = await tableOf({ as_of: asOf });
    assert.deepEqual(
      [amounts(later), [...later.table.targets]],
      [
        [1, 2, 7],
        [0, 0, 1],
      ],
    );
    assert.notEqual(fingerprintOf(later.table), fingerprintOf(first.table));
    const now = await tableOf();
    assert.deepEqual(
      [amounts(now), [...now.table.targets]],
      [
        [1, 2, 3, 7],
        [0, 0, 1, 1],
      ],
    );
  });

  it("leaves out predictions whose labels may still come", async () => {
    const hours = [0, 24, 47, 48, 60];
    await storePredictions(
      client,
      database,
      hours.map((hour) => row(hour + 1, { atMs: hour * HOUR_MS })),
    );
    await storeLabels(
      client,
      database,
      hours.map((hour) => ({ seq: hour + 1, number: hour + 1, label: "yes", arrivalMs: 61 * HOUR_MS })),
    );
    const nowMs = START_MS + 72 * HOUR_MS;
    assert.deepEqual(amounts(await tableOf({ label_maturity: "1d" }, { nowMs })), [1, 25, 48]);
    assert.deepEqual(amounts(await tableOf({}, { nowMs })), [1, 25, 48, 49, 61]);
    const trailing = { from: undefined, to: undefined, window: "1d", label_maturity: "1d" };
    const found = await tableOf(trailing, { nowMs });
    assert.deepEqual(amounts(found), [25, 48], "a day that ends where labels begin to be immature");
    assert.ok(found.source.source === "labelled");
    assert.equal(found.source.to, new Date(START_MS + 48 * HOUR_MS).toISOString());
  });

  it("has the rows of all versions with the same inputs, and of a request that two of them answered alike one", async () => {
    const second = { ...MANIFEST, version: "2.0.0" };
    const third = { ...MANIFEST, version: "3.0.0", inputs: MANIFEST.inputs.slice(1) };
    await storePredictions(client, database, [
      row(1, { requestId: "r1" }),
      row(2, { requestId: "r1", version: "2.0.0", numbers: [1, 1.5], categories: ["w1", "blue", AT] }),
      row(3, { version: "2.0.0" }),
      row(4, { requestId: "r4" }),
      row(5, { requestId: "r4" }),
      row(6, { version: "3.0.0", numbers: [6] }),
    ]);
    await storeLabels(client, database, [
      { seq: 1, requestId: "r1", label: "yes" },
      { seq: 2, number: 3, label: "no" },
      { seq: 3, requestId: "r4", label: "yes" },
      { seq: 4, number: 6, label: "yes" },
    ]);
    const versions = [MANIFEST, second, third];
    const all = await tableOf({}, { versions });
    assert.deepEqual(amounts(all), [1, 3, 4, 5], "sent again with other features, it is another row");
    assert.equal(all.table.groups[2], all.table.groups[3], "of one request, so they stay together");
    assert.deepEqual(amounts(await tableOf({ versions: ["2.0.0"] }, { versions })), [1, 3]);
    await assert.rejects(
      tableOf({ versions: ["1.0.0", "3.0.0"] }, { versions }),
      hasCode("INVALID_REQUEST", /versions\.1: 3\.0\.0 was served other inputs than 1\.0\.0/),
    );
    await assert.rejects(
      tableOf({ versions: ["1.0.1"] }, { versions }),
      hasCode("INVALID_REQUEST", /there is no "1\.0\.1"; did you mean "1\.0\.0"\?/),
    );
  });

  it("of more rows than are taken has the same ones every time, spread over the period", async () => {
    const count = 5000;
    await client.command({
      query: `INSERT INTO ${database}.predictions (log_epoch, log_seq, source, prediction_id, request_id, model_name, model_version, features, categories, prediction_date)
        SELECT 1, number + 1, 'http', toUUID(concat('01900000-0000-7000-8000-', leftPad(toString(number), 12, '0'))) AS id, toString(id), 'm', '1.0.0', [number, 1], ['w', 'red', '${AT}'], fromUnixTimestamp64Milli(toInt64(${START_MS} + number)) FROM numbers(${count})`,
    });
    await client.command({
      query: `INSERT INTO ${database}.labels (log_epoch, log_seq, model_name, prediction_id, label_value, label_class, arrival_time) SELECT 1, log_seq, 'm', prediction_id, nan, if(log_seq % 2 = 0, 'no', 'yes'), prediction_date FROM ${database}.predictions`,
    });
    const first = await tableOf({ rows_max: 500 });
    assert.equal(first.table.raw.count, 500);
    assert.deepEqual(
      first.notes.map(({ message }) => message),
      ["500 of 5000 labelled predictions were drawn"],
    );
    const drawn = amounts(first);
    assert.deepEqual(
      drawn,
      drawn.toSorted((a, b) => a - b),
    );
    assert.ok(drawn.every((number, at) => first.table.targets[at] === (number + 1) % 2));
    const upper = drawn.filter((number) => number >= count / 2).length;
    assert.ok(upper > 150 && upper < 350, `${upper} of the second half`);
    assert.equal(fingerprintOf((await tableOf({ rows_max: 500 })).table), fingerprintOf(first.table));
    assert.equal((await tableOf({ rows_max: 5000 })).table.raw.count, count);
  });

  it("can be of some inputs only", async () => {
    await storePredictions(client, database, [row(1), row(2)]);
    await storeLabels(
      client,
      database,
      [1, 2].map((number) => ({ seq: number, number, label: "yes" })),
    );
    const { table } = await tableOf({ features: { exclude: ["word", "amount"] } });
    assert.deepEqual(
      table.inputs.map(({ name }) => name),
      ["color", "age", "at"],
    );
    assert.deepEqual([...table.raw.numbers], [1, 1.5, 0, 0, 2.5, 0]);
    assert.deepEqual(table.raw.texts, [AT, AT]);
    await assert.rejects(
      tableOf({ features: { include: ["amounts"] } }),
      hasCode("INVALID_REQUEST", /features\.include\.0: there is no "amounts"; did you mean "amount"\?/),
    );
  });

  it("of a period without labels says what there is", async () => {
    await storePredictions(client, database, [row(1), row(30)]);
    await storeLabels(client, database, [{ seq: 1, number: 30, label: "yes", arrivalMs: 40 * DAY_MS }]);
    const until = { to: new Date(START_MS + DAY_MS).toISOString() };
    await assert.rejects(
      tableOf(until),
      hasCode(
        "INVALID_REQUEST",
        /m \(1\.0\.0\), from 2026-03-01.* has 1 predictions and 0 of them have a usable label .*its 2 predictions are from 2026-03-01T01.* to 2026-03-02T06/,
      ),
    );
    await assert.rejects(
      tableOf(),
      hasCode("INVALID_REQUEST", /has 2 predictions and 0 of them/),
      "it arrives too late",
    );
    const young = { from: undefined, to: undefined, window: "1d", label_maturity: "30d" };
    await assert.rejects(tableOf(young), hasCode("INVALID_REQUEST", /younger than label_maturity 30d/));
    const { version: _, ...other } = MANIFEST;
    const unknown = { ...other, name: "none", version: "1.0.0" };
    await assert.rejects(
      tableOf({}, { manifest: unknown, versions: [unknown] }),
      hasCode("INVALID_REQUEST", /it has none at all/),
    );
  });

  it("refuses rows that were logged with other inputs", async () => {
    await storePredictions(client, database, [row(1, { numbers: [1] })]);
    await storeLabels(client, database, [{ seq: 1, number: 1, label: "yes" }]);
    await assert.rejects(
      tableOf(),
      hasCode("INVALID_REQUEST", /logged with 1 numbers where the inputs have 2/),
    );
  });
});
