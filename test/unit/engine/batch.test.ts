/** A batch of a model with preprocessing: raw rows and transformed ones stay together, whatever becomes of the others. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { pino } from "pino";
import { Batcher } from "../../../engine/batcher.ts";
import { EngineError } from "../../../engine/core/errors.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { Dispatcher } from "../../../engine/dispatcher.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import type { PredictTask } from "../../../workers/messages.ts";
import { eventually } from "../../support/eventually.ts";
import { testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

const manifest = mixedManifest({
  inputs: [
    { name: "size", type: "float", nullable: true },
    { name: "note", type: "text" },
  ],
  input_tensor: "features",
  preprocessing: [
    { type: "imputer", columns: ["size"], strategy: "constant", fill_value: 5, statistics: [5] },
    { type: "one_hot_encoder", columns: ["note"], categories: [["a", "b"]] },
  ],
});

it("a row's raw values, texts and transformed values stay together when others are dropped", () => {
  const batcher = new Batcher(new ServedModel(manifest, new Metrics()), 4);
  const notes = ["a", "b", "a", "b"];
  for (const [index, note] of notes.entries())
    assert.equal(batcher.add(testRow(), index === 3 ? { note } : { size: index, note }), undefined);
  const batch = batcher.take();
  assert.ok(batch);
  assert.deepEqual([...batch.features], [0, 1, 0, 1, 0, 1, 2, 1, 0, 5, 0, 1]);
  batch.fail(0, new EngineError("DEADLINE_EXCEEDED", "late"));
  batch.fail(2, new EngineError("DEADLINE_EXCEEDED", "late"));
  batch.compact();
  assert.equal(batch.count, 2);
  assert.deepEqual([...batch.features.subarray(0, 6)], [1, 0, 1, 5, 0, 1]);
  assert.deepEqual([batch.raw[0], batch.raw[2]], [1, Number.NaN]);
  assert.deepEqual(batch.texts.slice(0, 2), ["b", "b"]);
  batcher.recycle(batch);
  assert.ok(
    batch.texts.every((text) => text === ""),
    "no text is held on to",
  );
});

it("a row that gets a batch of its own takes its raw values, texts and transformed values along", () => {
  const batcher = new Batcher(new ServedModel(manifest, new Metrics()), 4);
  for (const note of ["a", "b"]) assert.equal(batcher.add(testRow(), { size: 3, note }), undefined);
  const alone = batcher.take()?.separate(1);
  assert.deepEqual([...(alone?.features ?? [])], [3, 0, 1]);
  assert.equal(alone?.raw[0], 3);
  assert.deepEqual(alone?.texts, ["b"]);
});

it("a row that preprocessing refuses leaves no trace", () => {
  const batcher = new Batcher(new ServedModel(manifest, new Metrics()), 4);
  assert.equal(batcher.add(testRow(), { size: 1, note: "c" })?.code, "INVALID_FEATURES");
  assert.ok(batcher.idle && !batcher.waiting);
  assert.equal(batcher.add(testRow(), { size: 2, note: "a" }), undefined);
  const batch = batcher.take();
  assert.equal(batch?.count, 1);
  assert.deepEqual([...(batch?.features.subarray(0, 3) ?? [])], [2, 1, 0]);
});

it("the worker is told how wide the transformed rows are", async (t) => {
  const tasks: PredictTask[] = [];
  const dispatcher = new Dispatcher({
    pool: {
      takeFree: () => ({
        index: 0,
        predict: async (task) => {
          tasks.push(task);
          return { ok: true, elapsedMs: 1, failedRows: [] };
        },
      }),
    },
    log: { append: async () => undefined },
    rowsMax: 10,
    answerFirst: false,
    logger: pino({ level: "silent" }),
    failures: { add: () => undefined },
    errors: { count: () => undefined },
  });
  t.after(() => dispatcher.close());
  const batcher = new Batcher(new ServedModel(manifest, new Metrics()), 4);
  dispatcher.attach(batcher);
  dispatcher.accept(batcher, testRow(), { note: "b" });
  await eventually("the row is answered", () => dispatcher.rows === 0);
  assert.equal(tasks[0]?.inputWidth, 3);
});

it("without preprocessing the worker reads the raw rows themselves", () => {
  const batch = new Batcher(new ServedModel(mixedManifest(), new Metrics()), 4);
  assert.equal(batch.add(testRow(), { size: 1, new: true }), undefined);
  const taken = batch.take();
  assert.equal(taken?.raw, taken?.features);
  assert.equal(taken?.texts.length, 0);
});
