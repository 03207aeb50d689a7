/**
 * Labels joined to predictions, in a real ClickHouse: which label counts, in what is read of them, and what changes.
 */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { pino } from "pino";
import type { LabelledQuestion, LabelPositions } from "../../engine/core/labelled-rows.ts";
import { changedLabelHours } from "../../storage/changed-label-hours.ts";
import { type ClickHouse, openClickHouse, selectRows } from "../../storage/clickhouse.ts";
import { readLabelCounts } from "../../storage/label-counts.ts";
import { readLabelledRows } from "../../storage/labelled-rows.ts";
import { migrate } from "../../storage/migrate.ts";
import { ask, PASSWORD, startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import {
  DAY_MS,
  HOUR_MS,
  START_MS,
  storeLabels,
  storePredictions,
  type TableLabel,
  type TablePrediction,
} from "../support/label-tables.ts";

const database = "millrace";
const LOGGER = pino({ level: "silent" });
const NOWHERE: LabelPositions = { labels: { epoch: 0, seq: 0 }, predictions: { epoch: 0, seq: 0 } };

interface Joined {
  readonly prediction_id: string;
  readonly label_value: number | null;
  readonly label_class: string;
  readonly label_source: string;
}

describe("labels and predictions", () => {
  let server: TestClickhouse;
  let client: ClickHouse;
  before(async () => {
    server = await startTestClickhouse();
    client = openClickHouse(server.url.replace("//", `//millrace:${encodeURIComponent(PASSWORD)}@`));
    await migrate(client, database, LOGGER);
  });
  after(async () => {
    await client?.close();
    await server?.remove();
  });
  beforeEach(async () => {
    for (const table of ["predictions", "labels"])
      await client.command({ query: `TRUNCATE TABLE ${database}.${table}` });
  });

  const predictions = async (rows: readonly TablePrediction[]) => storePredictions(client, database, rows);
  const labels = async (rows: readonly TableLabel[]) => storeLabels(client, database, rows);

  /** Number of the prediction, label and source, in the order of the numbers. */
  async function joined(toMs = 30 * DAY_MS, fromMs = 0): Promise<string[]> {
    const rows = await selectRows<Joined>(
      client,
      `SELECT * FROM ${database}.labelled_predictions(model = 'm', from = fromUnixTimestamp64Milli({from:Int64}),
        to = fromUnixTimestamp64Milli({to:Int64})) ORDER BY prediction_id`,
      { from: START_MS + fromMs, to: START_MS + toMs },
    );
    return rows.map(
      (row) =>
        `${Number(row.prediction_id.slice(-12))} ${row.label_class || row.label_value} ${row.label_source}`,
    );
  }

  it("are joined by prediction, request, and entity and time", async () => {
    await predictions([
      { number: 1, atMs: 0 },
      { number: 2, atMs: 0, requestId: "r" },
      { number: 3, atMs: HOUR_MS, entityId: "e" },
      { number: 4, atMs: 3 * HOUR_MS, entityId: "e" },
      { number: 5, atMs: 0, entityId: "other" },
      { number: 6, atMs: 0, model: "other", requestId: "r" },
    ]);
    await labels([
      { seq: 1, number: 1, label: "yes" },
      { seq: 2, requestId: "r", label: 2.5 },
      { seq: 3, entityId: "e", timeMs: 2 * HOUR_MS, label: true },
    ]);
    assert.deepEqual(await joined(), ["1 yes prediction_id", "2 2.5 request_id", "3 true entity"]);
  });

  it("a label of a request is of all its predictions", async () => {
    await predictions([
      { number: 1, atMs: 0, requestId: "r", version: "1.0.0" },
      { number: 2, atMs: 5, requestId: "r", version: "2.0.0" },
    ]);
    await labels([{ seq: 1, requestId: "r", label: "yes" }]);
    assert.deepEqual(await joined(), ["1 yes request_id", "2 yes request_id"]);
  });

  it("of several labels the more exact one counts, and of those the one that arrived last, across streams", async () => {
    await predictions([
      { number: 1, atMs: 0, requestId: "r", entityId: "e" },
      { number: 2, atMs: 0 },
      { number: 3, atMs: 0 },
    ]);
    await labels([
      { seq: 9, entityId: "e", timeMs: HOUR_MS, label: "entity" },
      { seq: 8, requestId: "r", label: "request" },
      { seq: 7, number: 1, label: "prediction" },
      { seq: 10, number: 2, label: "first" },
      { seq: 11, number: 2, label: "first" },
      { seq: 12, number: 2, label: "corrected" },
      { seq: 99, epoch: 1, number: 3, label: "old stream" },
      { seq: 1, epoch: 2, number: 3, label: "new stream" },
    ]);
    assert.deepEqual(await joined(), [
      "1 prediction prediction_id",
      "2 corrected prediction_id",
      "3 new stream prediction_id",
    ]);
  });

  it("a label of an entity is of the latest prediction at or before its time, of the last seven days, whatever range is asked", async () => {
    await predictions([
      { number: 1, atMs: 0, entityId: "e" },
      { number: 2, atMs: HOUR_MS, entityId: "e" },
      { number: 3, atMs: HOUR_MS, entityId: "e" },
      { number: 4, atMs: 0, entityId: "old" },
      { number: 5, atMs: 0, entityId: "just" },
    ]);
    await labels([
      { seq: 1, entityId: "e", timeMs: HOUR_MS - 1, label: "before" },
      { seq: 2, entityId: "e", timeMs: HOUR_MS, label: "at" },
      { seq: 3, entityId: "old", timeMs: 7 * DAY_MS + 1, label: "late" },
      { seq: 4, entityId: "just", timeMs: 7 * DAY_MS, label: "just" },
      { seq: 5, entityId: "e", timeMs: -1, label: "too early" },
    ]);
    const all = ["1 before entity", "3 at entity", "5 just entity"];
    assert.deepEqual(await joined(), all);
    assert.deepEqual(
      await joined(HOUR_MS),
      ["1 before entity", "5 just entity"],
      "the label at 1 h is of a later one",
    );
    assert.deepEqual(await joined(2 * HOUR_MS, HOUR_MS), ["3 at entity"]);
  });

  it("analysts may ask the view", async () => {
    await predictions([{ number: 1, atMs: 0 }]);
    await labels([{ seq: 1, number: 1, label: "yes" }]);
    for (const name of ["labelled_predictions", `${database}.labelled_predictions`]) {
      const question = `SELECT label_class FROM ${name}(model = 'm', from = '2026-03-01', to = '2026-03-02')`;
      assert.deepEqual(await ask(server, question).then(({ text }) => text), "yes\n");
    }
    const elsewhere = await ask(
      server,
      "SELECT * FROM other.labelled_predictions(model = 'm', from = 0, to = 1)",
    );
    assert.equal(elsewhere.status, 403);
  });

  describe("rows for metrics", () => {
    const question: LabelledQuestion = {
      model: "m",
      version: "1.0.0",
      fromMs: START_MS,
      toMs: START_MS + DAY_MS,
      classes: ["no", "yes"],
      slices: [
        { name: "amount", kind: "number", index: 1 },
        { name: "country", kind: "category", index: 0 },
      ],
      rowsMax: 10,
    };

    it("are columns in the order of time", async () => {
      await predictions([
        {
          number: 2,
          atMs: 10,
          value: 0.25,
          predicted: "no",
          probabilities: [0.75, 0.25],
          numbers: [1, 2],
          categories: ["DE"],
        },
        {
          number: 1,
          atMs: 20,
          value: 0.75,
          predicted: "yes",
          probabilities: [0.25, 0.75],
          numbers: [3, 4],
          categories: ["FR"],
        },
        { number: 3, atMs: 30, numbers: [5, 6], categories: ["DE"] },
        { number: 4, atMs: 40, numbers: [7, 8], categories: ["DE"] },
        { number: 5, atMs: 50, version: "2.0.0" },
        { number: 6, atMs: DAY_MS },
        { number: 7, atMs: 60 },
      ]);
      await labels([
        { seq: 1, number: 2, label: "yes" },
        { seq: 2, number: 1, label: false },
        { seq: 3, number: 3, label: "perhaps" },
        { seq: 4, number: 4, label: true },
        { seq: 5, number: 5, label: "yes" },
        { seq: 6, number: 6, label: "yes" },
      ]);
      const found = await readLabelledRows(client, database, question);
      assert.equal(found.rows, 4);
      assert.equal(found.isCut, false);
      assert.deepEqual([...found.predictedValue], [0.25, 0.75, 0.5, 0.5]);
      assert.deepEqual([...found.probabilities], [0.75, 0.25, 0.25, 0.75, 0.5, 0.5, 0.5, 0.5]);
      assert.deepEqual([...found.predictedClass], [0, 1, 0, 0]);
      assert.deepEqual([...found.label], [1, 0, Number.NaN, 1]);
      assert.deepEqual(
        found.slices.map((slice) => [...slice.values]),
        [
          [2, 4, 6, 8],
          [0, 1, 0, 0],
        ],
      );
      assert.deepEqual(found.slices[1]?.kind === "category" && found.slices[1].categories, ["DE", "FR"]);
      const cut = await readLabelledRows(client, database, { ...question, rowsMax: 3 });
      assert.deepEqual([cut.rows, cut.isCut, cut.label.length], [3, true, 3]);
    });

    it("are those that were known at a moment", async () => {
      await predictions([{ number: 1, atMs: 0, numbers: [0, 0], categories: [""] }]);
      await labels([
        { seq: 1, number: 1, label: "yes", arrivalMs: DAY_MS },
        { seq: 2, number: 1, label: "no", arrivalMs: 2 * DAY_MS },
      ]);
      const at = async (asOfMs: number | undefined) => [
        ...(await readLabelledRows(client, database, { ...question, asOfMs })).label,
      ];
      assert.deepEqual(await at(START_MS + DAY_MS - 1), []);
      assert.deepEqual(await at(START_MS + DAY_MS), [1]);
      assert.deepEqual(await at(undefined), [0]);
    });

    it("of a classifier may have classes that look like numbers, of a regression only numbers", async () => {
      await predictions([1, 2, 3].map((number) => ({ number, atMs: number })));
      await labels([
        { seq: 1, number: 1, label: 1 },
        { seq: 2, number: 2, label: "0" },
        { seq: 3, number: 3, label: true },
      ]);
      const plain = { ...question, slices: [] };
      const classes = await readLabelledRows(client, database, { ...plain, classes: ["0", "1"] });
      assert.deepEqual([...classes.label], [1, 0, 1]);
      const values = await readLabelledRows(client, database, { ...plain, classes: [] });
      assert.deepEqual([...values.label], [1, Number.NaN, 1]);
      assert.equal(values.probabilities.length, 0);
    });

    it("are many, in chunks that end anywhere", async () => {
      const count = 20_000;
      await client.command({
        query: `INSERT INTO ${database}.predictions (log_seq, source, prediction_id, model_name, model_version, predicted_value, probabilities, features, categories, prediction_date)
          SELECT number, 'http', generateUUIDv7(), 'm', '1.0.0', number, [0, 1], [number, number], [toString(number % 7)], fromUnixTimestamp64Milli(toInt64(${START_MS} + number)) FROM numbers(${count})`,
      });
      await client.command({
        query: `INSERT INTO ${database}.labels (log_seq, model_name, prediction_id, label_value, label_class) SELECT log_seq, 'm', prediction_id, nan, if(log_seq % 2 = 0, 'no', 'yes') FROM ${database}.predictions`,
      });
      const found = await readLabelledRows(client, database, { ...question, rowsMax: count });
      assert.equal(found.rows, count);
      const [amounts, countries] = found.slices;
      for (let row = 0; row < count; row++) {
        assert.equal(found.predictedValue[row], row);
        assert.equal(found.label[row], row % 2);
        assert.equal(amounts?.values[row], row);
        assert.equal(countries?.values[row], row % 7);
      }
    });
  });

  it("are counted by hour, with delays and what is of no prediction", async () => {
    await predictions([
      { number: 1, atMs: 0 },
      { number: 2, atMs: 1 },
      { number: 3, atMs: HOUR_MS, requestId: "r" },
      { number: 4, atMs: DAY_MS - 1 },
    ]);
    await labels([
      { seq: 1, number: 1, label: 0, arrivalMs: HOUR_MS },
      { seq: 2, number: 1, label: 1, arrivalMs: 5 * HOUR_MS },
      { seq: 3, requestId: "r", label: 1, arrivalMs: 11 * HOUR_MS },
      { seq: 4, number: 77, label: 1, arrivalMs: 12 * HOUR_MS },
      { seq: 5, entityId: "nobody", timeMs: 0, label: 1, arrivalMs: 12 * HOUR_MS },
      { seq: 6, number: 4, label: 1, arrivalMs: 2 * DAY_MS },
    ]);
    const counts = await readLabelCounts(client, database, {
      model: "m",
      fromMs: START_MS,
      toMs: START_MS + DAY_MS,
      nowMs: START_MS + 2 * DAY_MS,
    });
    const hour = (index: number, all: number, labelled: number, some: number) => ({
      hourMs: START_MS + index * HOUR_MS,
      predictions: all,
      labelled,
      labels: some,
    });
    assert.deepEqual(counts.hours, [hour(0, 2, 1, 2), hour(1, 1, 1, 1), hour(23, 1, 1, 1)]);
    assert.deepEqual([counts.arrived, counts.matched], [5, 3]);
    assert.equal(counts.latestArrivalMs, START_MS + 12 * HOUR_MS);
    assert.deepEqual(counts.maturity, [
      { hours: 1, predictions: 4, labelled: 1 },
      { hours: 24, predictions: 4, labelled: 2 },
      { hours: 168, predictions: 0, labelled: 0 },
      { hours: 720, predictions: 0, labelled: 0 },
    ]);
    assert.ok(
      Math.abs((counts.delaySeconds?.["0.5"] ?? 0) - 36_000) < 1,
      JSON.stringify(counts.delaySeconds),
    );
    const none = { model: "none", fromMs: START_MS, toMs: START_MS + 1, nowMs: START_MS };
    const { hours, arrived, latestArrivalMs, delaySeconds } = await readLabelCounts(client, database, none);
    assert.deepEqual([hours, arrived, latestArrivalMs, delaySeconds], [[], 0, undefined, undefined]);
  });

  describe("hours with other labels than before", () => {
    const changed = async (from: LabelPositions) => {
      const { hoursMs, positions } = await changedLabelHours(client, database, "m", START_MS, from);
      return { hours: hoursMs.map((ms) => (ms - START_MS) / HOUR_MS), positions };
    };

    it("are those of new and of corrected labels, each time once", async () => {
      await predictions([
        { number: 1, atMs: 0 },
        { number: 2, atMs: 5 * HOUR_MS, requestId: "r" },
        { number: 3, atMs: 7 * HOUR_MS, entityId: "e" },
      ]);
      assert.deepEqual((await changed(NOWHERE)).hours, []);
      await labels([
        { seq: 3, number: 1, label: 1 },
        { seq: 4, entityId: "e", timeMs: 8 * HOUR_MS, label: 1 },
        { seq: 5, number: 55, label: 1 },
      ]);
      const first = await changed(NOWHERE);
      assert.deepEqual(first.hours, [0, 7]);
      assert.deepEqual((await changed(first.positions)).hours, []);
      await labels([
        { seq: 6, number: 1, label: 0 },
        { seq: 1, epoch: 2, requestId: "r", label: 1 },
      ]);
      const second = await changed(first.positions);
      assert.deepEqual(second.hours, [0, 5]);
      assert.deepEqual((await changed(second.positions)).hours, []);
    });

    it("are also those of predictions that were stored behind their label, and of those that lost it to them", async () => {
      await predictions([
        { number: 1, atMs: 0, entityId: "e" },
        { number: 2, atMs: HOUR_MS, requestId: "x" },
      ]);
      await labels([
        { seq: 1, number: 9, label: 1 },
        { seq: 2, entityId: "e", timeMs: 5 * HOUR_MS, label: 1 },
        { seq: 3, requestId: "x", label: 1 },
      ]);
      const first = await changed(NOWHERE);
      assert.deepEqual(first.hours, [0, 1]);
      await predictions([
        { number: 8, atMs: 4 * HOUR_MS, entityId: "e" },
        { number: 9, atMs: 6 * HOUR_MS },
        { number: 10, atMs: 7 * HOUR_MS, entityId: "e" },
      ]);
      assert.deepEqual((await changed(first.positions)).hours, [0, 4, 6]);
      assert.deepEqual(await joined(), ["2 1 request_id", "8 1 entity", "9 1 prediction_id"]);
    });
  });
});
