/**
 * From a file to a model in production to what it is trained on next: rows that were served, missing values and unseen categories among
 * them, and labelled over REST are read back as the very rows that were sent, and make the same columns again.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import type { Prediction } from "../../engine/core/prediction.ts";
import { trainingData } from "../../engine/core/training-data.ts";
import { labelledTable } from "../../engine/train/data/labelled-table.ts";
import { prepareSets, toColumns } from "../../engine/train/data/prepared-sets.ts";
import { readPositions } from "../../storage/changed-label-hours.ts";
import { readModelFolder } from "../../storage/model-folder.ts";
import { countServedRows, readServedRows } from "../../storage/served-rows.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { untilServed } from "../support/model-requests.ts";
import { createRandom } from "../support/random.ts";
import { type PlainRow, rawRowsOf } from "../support/raw-rows.ts";

const ROWS = 60;
const STORED_MS = 30_000;

describe("a model from a file, in production", () => {
  let folder: string;
  let engine: TestEngine;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "millrace-served-training-"));
    engine = await startTestEngine({ sample: false });
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  /** Of the file, and what is served later: some amounts and colours are missing. */
  const random = createRandom(3);
  const someRow = (): { amount: number | null; color: string | null; vip: boolean; at: string } => ({
    amount: random.next() < 0.2 ? null : Math.fround(random.next() * 10),
    color: random.next() < 0.2 ? null : (["red", "blue"][random.between(0, 1)] as string),
    vip: random.next() < 0.5,
    at: new Date(Date.UTC(2026, 0, 1) + random.between(0, 8000) * 3_600_000).toISOString(),
  });
  const labelOf = ({ amount, vip }: ReturnType<typeof someRow>): string =>
    (amount ?? 0) + (vip ? 3 : 0) + random.next() * 4 > 7 ? "yes" : "no";

  it("is trained on next as it was served", async () => {
    const lines = Array.from({ length: 600 }, () => {
      const row = someRow();
      return [row.amount ?? "", row.color ?? "", row.vip, row.at, labelOf(row)].join(",");
    });
    const file = join(folder, "sales.csv");
    await writeFile(file, `amount,color,vip,at,outcome\n${lines.join("\n")}\n`);
    const out = join(folder, "sales");
    const type = ["--model-type", "GRADIENT_BOOSTING"];
    const trained = await runCli(["train", file, "--label", "outcome", ...type, "--out", out]);
    assert.equal(trained.code, 0, trained.stderr);
    const pushed = await runCli(["models", "push", out, "--promote", "--url", engine.httpUrl]);
    assert.equal(pushed.code, 0, pushed.stderr);
    await untilServed(engine, "sales", "1.0.0");

    const rows = Array.from({ length: ROWS }, (_, at) => ({
      ...someRow(),
      ...(at === 7 ? { color: "unseen" } : {}),
    }));
    const predictions = await answered(rows);
    const labels = rows.map((row, at) => ({
      prediction_id: predictions[at]?.prediction_id,
      label: labelOf(row),
    }));
    const response = await engine.post("/labels", { model_name: "sales", labels });
    assert.equal(response.status, 202, await response.text());
    await eventually(
      "predictions and labels are stored",
      async () => {
        const [found] = await engine.sql<{ rows: string }>(
          "SELECT (SELECT count() FROM millrace.labels) + (SELECT count() FROM millrace.predictions) AS rows",
        );
        return Number(found?.rows) === 2 * ROWS;
      },
      STORED_MS,
    );

    const { manifest } = await readModelFolder(out);
    const { table, source } = await tableOf(manifest);
    assert.ok(source.source === "labelled");
    assert.deepEqual([source.predictions, source.labelled, table.raw.count], [ROWS, ROWS, ROWS]);
    const sent = rows.map(({ amount, color, vip, at }): PlainRow => [amount, color, vip, at]);
    const raw = rawRowsOf(manifest.inputs, sent);
    const order = orderOf(table.raw.texts, raw.texts, table.raw.numbers, raw.numbers);
    assert.equal(new Set(order).size, ROWS, "each row that was sent is there once, to the last bit");
    assert.deepEqual(
      [...table.targets],
      order.map((row) => manifest.classes?.indexOf(labels[row]?.label ?? "")),
    );
    const columns = toColumns(manifest.inputs, manifest.preprocessing ?? [], table.raw);
    assert.ok(
      columns.some(({ values }) => values.some(Number.isNaN)),
      "what was missing is still",
    );
    const everything = { training: Uint32Array.from(table.targets.keys()), validation: new Uint32Array(0) };
    const preparation = {
      steps: manifest.preprocessing ?? [],
      missing: "allowed",
      classWeight: "none",
    } as const;
    const again = prepareSets(table, everything, new Uint32Array(0), preparation);
    assert.equal(
      again.training.columns.find(({ name }) => name === "color")?.categories,
      3,
      "the unseen one is known now",
    );
  });

  async function answered(rows: readonly object[]): Promise<readonly Prediction[]> {
    const response = await engine.post("/predict/batch", {
      model: "sales",
      instances: rows.map((features) => ({ features })),
    });
    assert.equal(response.status, 200);
    const { predictions } = (await response.json()) as { predictions: Prediction[] };
    assert.ok(predictions.every(({ predicted_value }) => predicted_value > 0 && predicted_value < 1));
    return predictions;
  }

  async function tableOf(manifest: ModelManifest) {
    const data = trainingData.parse({ source: "labelled", window: "1d" });
    assert.ok(data.source === "labelled");
    const nowMs = Date.now() + 60_000;
    const client = engine.clickhouse();
    return labelledTable(
      { data, manifest, versions: [manifest], nowMs },
      {
        readPositions: async (model) => readPositions(client, "millrace", model),
        count: async (scope) => countServedRows(client, "millrace", scope),
        read: async (question, labelled) => readServedRows(client, "millrace", question, labelled),
      },
    );
  }

  /** Of each row that was read, the one that was sent. */
  function orderOf(
    texts: readonly string[],
    sentTexts: readonly string[],
    numbers: Float32Array,
    sentNumbers: Float32Array,
  ): number[] {
    const keyOf = (some: readonly string[], values: Float32Array, row: number): string =>
      JSON.stringify([
        some.slice((row * some.length) / ROWS, ((row + 1) * some.length) / ROWS),
        [...values.subarray((row * values.length) / ROWS, ((row + 1) * values.length) / ROWS)].map(String),
      ]);
    const places = new Map(
      Array.from({ length: ROWS }, (_, row) => [keyOf(sentTexts, sentNumbers, row), row]),
    );
    return Array.from({ length: ROWS }, (_, row) => places.get(keyOf(texts, numbers, row)) ?? -1 - row);
  }
});
