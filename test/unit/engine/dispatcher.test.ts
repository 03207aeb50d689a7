/** Batching and dispatching with a worker and a log under the test's control: every row is settled exactly once. */
import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { pino } from "pino";
import type { Batch } from "../../../engine/batch.ts";
import { Batcher } from "../../../engine/batcher.ts";
import { createDeferred, type Deferred } from "../../../engine/core/deferred.ts";
import { EngineError } from "../../../engine/core/errors.ts";
import { Metrics } from "../../../engine/core/metrics.ts";
import { Dispatcher } from "../../../engine/dispatcher.ts";
import { ServedModel } from "../../../engine/served-model.ts";
import type { Lane } from "../../../workers/lane.ts";
import type { PredictTask, WorkerResult } from "../../../workers/messages.ts";
import { eventually } from "../../support/eventually.ts";
import { FEATURES, type TestRow, testRow } from "../../support/log-blocks.ts";
import { mixedManifest } from "../../support/manifests.ts";

const OK: WorkerResult = { ok: true, elapsedMs: 1, failedRows: [] };

interface Call {
  readonly task: PredictTask;
  /** First feature of each row. */
  readonly sizes: number[];
  readonly result: Deferred<WorkerResult>;
}

/** One lane that computes when the test says so. */
class Bench {
  readonly calls: Call[] = [];
  readonly logged: string[][] = [];
  readonly dispatcher: Dispatcher;
  readonly batcher: Batcher;
  logFault: EngineError | undefined;
  #isFree = true;

  constructor(rowsMax = 100, batchRowsMax = 4) {
    this.dispatcher = new Dispatcher({
      pool: { takeFree: () => this.#take() },
      log: { append: async (batch) => this.#append(batch) },
      rowsMax,
      answerFirst: false,
      logger: pino({ level: "silent" }),
      failures: { add: () => undefined },
      errors: { count: () => undefined },
    });
    this.batcher = new Batcher(new ServedModel(mixedManifest(), new Metrics()), batchRowsMax);
    this.dispatcher.attach(this.batcher);
  }

  accept(size: number, change: Partial<TestRow> = {}): TestRow {
    const row = testRow({ requestId: String(size), ...change });
    this.dispatcher.accept(this.batcher, row, { ...FEATURES, size });
    return row;
  }

  /** The next call of the worker that was not seen yet. */
  async call(index: number): Promise<Call> {
    return eventually(`call ${index} of the worker`, () => this.calls[index]);
  }

  #take(): Lane | undefined {
    if (!this.#isFree) return undefined;
    this.#isFree = false;
    return { index: 0, predict: async (task) => this.#predict(task) };
  }

  async #predict(task: PredictTask): Promise<WorkerResult> {
    const sizes = Array.from({ length: task.rows }, (_, row) => task.features[row * task.inputWidth] ?? 0);
    const result = createDeferred<WorkerResult>();
    this.calls.push({ task, sizes, result });
    try {
      return await result.promise;
    } finally {
      this.#isFree = true;
    }
  }

  async #append(batch: Batch): Promise<void> {
    if (this.logFault !== undefined) throw this.logFault;
    this.logged.push(
      batch.rows.slice(0, batch.count).flatMap((row) => (row === undefined ? [] : [row.requestId])),
    );
  }
}

const died = (): EngineError => new EngineError("WORKER_FAILED", "died");
const answered = (rows: readonly TestRow[]): number[] => rows.map(({ outcome }) => outcome.answered);
const failed = (rows: readonly TestRow[]): string[][] => rows.map(({ outcome }) => outcome.failed);

describe("the dispatcher", () => {
  let bench = new Bench();
  const start = (...args: ConstructorParameters<typeof Bench>): Bench => {
    bench.dispatcher.close();
    bench = new Bench(...args);
    return bench;
  };
  const untilEmpty = async (): Promise<void> => {
    await eventually("no row is left", () => bench.dispatcher.rows === 0);
    assert.ok(bench.batcher.idle);
  };
  afterEach(() => bench.dispatcher.close());

  it("sends rows of one turn together, and batches what comes while the worker is busy", async () => {
    start();
    const rows = [1, 2].map((size) => bench.accept(size));
    const first = await bench.call(0);
    assert.deepEqual(first.sizes, [1, 2]);
    for (let size = 3; size <= 9; size++) rows.push(bench.accept(size));
    first.result.resolve(OK);
    (await bench.call(1)).result.resolve(OK);
    (await bench.call(2)).result.resolve(OK);
    await untilEmpty();
    assert.deepEqual(
      bench.calls.map(({ sizes }) => sizes),
      [
        [1, 2],
        [3, 4, 5, 6],
        [7, 8, 9],
      ],
    );
    assert.deepEqual(
      answered(rows),
      rows.map(() => 1),
    );
    assert.deepEqual(
      bench.logged.flat(),
      rows.map(({ requestId }) => requestId),
    );
  });

  it("refuses rows over its bound and bad features, and neither counts", async () => {
    start(2);
    bench.accept(1);
    assert.throws(() => bench.accept(99), { code: "INVALID_FEATURES" });
    bench.accept(2);
    assert.throws(() => bench.accept(3), { code: "QUEUE_FULL" });
    assert.equal(bench.dispatcher.room, 0);
    (await bench.call(0)).result.resolve(OK);
    await untilEmpty();
    assert.equal(bench.dispatcher.room, 2);
    assert.deepEqual(bench.calls[0]?.sizes, [1, 2]);
  });

  it("fails rows at their deadline while they wait, and closes the gaps with floats and ids in step", async () => {
    start();
    bench.accept(0);
    const busy = await bench.call(0);
    const soon = performance.now() + 30;
    const rows = [1, 2, 3, 4].map((size) => bench.accept(size, size % 2 === 1 ? { deadlineMs: soon } : {}));
    const ids = new Map<string, string>();
    const [batch] = [...bench.batcher.live].filter((one) => one.count === 4);
    for (let index = 0; index < 4; index++)
      ids.set(
        batch?.rows[index]?.requestId ?? "",
        batch?.ids.toString("hex", index * 16, index * 16 + 16) ?? "",
      );
    await eventually("the deadlines have passed", () => rows[2]?.outcome.failed.length === 1);
    assert.deepEqual(failed(rows), [["DEADLINE_EXCEEDED"], [], ["DEADLINE_EXCEEDED"], []]);
    busy.result.resolve(OK);
    const call = await bench.call(1);
    assert.deepEqual(call.sizes, [2, 4]);
    for (const [index, requestId] of ["2", "4"].entries()) {
      assert.equal(batch?.rows[index]?.requestId, requestId);
      assert.equal(batch?.ids.toString("hex", index * 16, index * 16 + 16), ids.get(requestId));
    }
    call.result.resolve(OK);
    await untilEmpty();
    assert.deepEqual(answered(rows), [0, 1, 0, 1]);
    assert.deepEqual(bench.logged, [["0"], ["2", "4"]]);
  });

  it("does not compute a row whose deadline has passed when a worker comes free", async () => {
    start();
    const rows = [bench.accept(1, { deadlineMs: performance.now() - 1 }), bench.accept(2)];
    const call = await bench.call(0);
    assert.deepEqual(call.sizes, [2]);
    call.result.resolve(OK);
    await untilEmpty();
    assert.deepEqual(failed(rows), [["DEADLINE_EXCEEDED"], []]);
  });

  it("answers nothing after the deadline, though the worker's result comes", async () => {
    start();
    const row = bench.accept(1, { deadlineMs: performance.now() + 20 });
    const call = await bench.call(0);
    await eventually("the deadline has passed", () => row.outcome.failed.length === 1);
    call.result.resolve(OK);
    await untilEmpty();
    assert.deepEqual([row.outcome.answered, row.outcome.failed], [0, ["DEADLINE_EXCEEDED"]]);
    assert.deepEqual(bench.logged, [[]]);
  });

  it("tries the rows of a batch whose worker died once more, each alone, on memory that the dead one cannot reach", async () => {
    start();
    const rows = [1, 2, 3].map((size) => bench.accept(size));
    const first = await bench.call(0);
    first.result.reject(died());
    for (const [index, size] of [1, 2, 3].entries()) {
      const again = await bench.call(1 + index);
      assert.deepEqual(again.sizes, [size]);
      assert.notEqual(again.task.outputs.buffer, first.task.outputs.buffer);
      if (size === 2) again.result.reject(died());
      else again.result.resolve(OK);
      bench.dispatcher.wake();
    }
    await untilEmpty();
    assert.deepEqual(answered(rows), [1, 0, 1]);
    assert.deepEqual(failed(rows), [[], ["WORKER_FAILED"], []]);
    assert.deepEqual(bench.logged, [["1"], ["3"]]);
    assert.equal(bench.dispatcher.room, 100);
  });

  it("keeps the prediction id of a row through its second try", async () => {
    start();
    const rows = [1, 2].map((size) => bench.accept(size, { idempotencyKey: `key ${size}` }));
    const ids = [...bench.batcher.live].map((batch) => batch.ids.toString("hex", 16, 32));
    (await bench.call(0)).result.reject(died());
    await bench.call(1);
    const [, alone] = [...bench.batcher.live];
    assert.deepEqual([alone?.ids.toString("hex")], ids);
    for (const index of [1, 2]) {
      (await bench.call(index)).result.resolve(OK);
      bench.dispatcher.wake();
    }
    await untilEmpty();
    assert.deepEqual(answered(rows), [1, 1]);
  });

  it("tries again only the rows whose deadline is to come, and goes on after a second death", async () => {
    start();
    const rows = [bench.accept(1, { deadlineMs: performance.now() + 20 }), bench.accept(2)];
    const first = await bench.call(0);
    await eventually("the deadline has passed", () => rows[0]?.outcome.failed.length === 1);
    first.result.reject(died());
    const again = await bench.call(1);
    assert.deepEqual(again.sizes, [2]);
    again.result.reject(died());
    await untilEmpty();
    assert.deepEqual(failed(rows), [["DEADLINE_EXCEEDED"], ["WORKER_FAILED"]]);
    const next = bench.accept(3);
    (await bench.call(2)).result.resolve(OK);
    await untilEmpty();
    assert.equal(next.outcome.answered, 1);
    assert.equal(bench.calls.length, 3);
  });

  it("fails only the row that the model failed on", async () => {
    start();
    const rows = [1, 2, 3].map((size) => bench.accept(size));
    const result: WorkerResult = { ok: true, elapsedMs: 1, failedRows: [{ row: 1, message: "no" }] };
    (await bench.call(0)).result.resolve(result);
    await untilEmpty();
    assert.deepEqual(answered(rows), [1, 0, 1]);
    assert.deepEqual(failed(rows), [[], ["INFERENCE_FAILED"], []]);
    assert.deepEqual(bench.logged, [["1", "3"]]);
  });

  it("fails a batch that the log did not take, and answers none of it", async () => {
    start();
    bench.logFault = new EngineError("LOG_UNAVAILABLE", "full");
    const rows = [1, 2].map((size) => bench.accept(size));
    (await bench.call(0)).result.resolve(OK);
    await untilEmpty();
    assert.deepEqual(failed(rows), [["LOG_UNAVAILABLE"], ["LOG_UNAVAILABLE"]]);
    assert.deepEqual(answered(rows), [0, 0]);
  });

  it("gives models turns, so that a full one does not starve another", async () => {
    start(100, 1);
    const other = new Batcher(new ServedModel(mixedManifest({ name: "other" }), new Metrics()), 1);
    bench.dispatcher.attach(other);
    for (let size = 0; size < 4; size++) bench.accept(size);
    bench.dispatcher.accept(other, testRow(), { ...FEATURES, size: 9 });
    const keys: string[] = [];
    for (let index = 0; index < 5; index++) {
      const call = await bench.call(index);
      keys.push(call.task.key);
      call.result.resolve(OK);
      bench.dispatcher.wake();
    }
    await untilEmpty();
    assert.ok(keys.indexOf("other@1.0.0") <= 1, keys.join(" "));
  });

  it("answers the other rows of a batch when one answer cannot be sent", async () => {
    start();
    const cannot = (): never => {
      throw new Error("too large for any message");
    };
    const [first, , last] = [bench.accept(1), bench.accept(2, { answer: cannot }), bench.accept(3)];
    (await bench.call(0)).result.resolve({ ok: true, elapsedMs: 0, failedRows: [] });
    await untilEmpty();
    assert.deepEqual(answered([first, last]), [1, 1]);
  });

  it("counts requests, rows and batches of what it answered and failed", async () => {
    start();
    const rows = [
      bench.accept(1),
      bench.accept(2, { isFollower: true }),
      bench.accept(3, { isFollower: true }),
    ];
    const call = await bench.call(0);
    bench.accept(4);
    assert.equal(bench.batcher.rowsPending, 4);
    call.result.resolve({ ok: true, elapsedMs: 0, failedRows: [{ row: 2, message: "none" }] });
    (await bench.call(1)).result.resolve({
      ok: false,
      code: "INFERENCE_FAILED",
      message: "none",
      details: [],
    });
    await untilEmpty();
    const { statistics } = bench.batcher.model;
    assert.deepEqual(answered(rows), [1, 1, 0]);
    assert.deepEqual([statistics.inferences, statistics.executions], [2, 1]);
    assert.deepEqual([statistics.success.count, statistics.fail.count], [1, 1]);
    assert.deepEqual(statistics.failures, { REJECTED: 0, CANCELED: 0, BACKEND: 1, OTHER: 0 });
    assert.deepEqual(
      statistics.batches().map(([size, { executions }]) => [size, executions]),
      [[3, 1]],
    );
    const { success, queue, computeInput, computeInfer, computeOutput } = statistics;
    const parts = queue.ms + computeInput.ms + computeInfer.ms + computeOutput.ms;
    assert.ok(success.ms > 0 && Math.abs(parts - success.ms) < 1e-6, "the parts are the whole");
    assert.equal(bench.batcher.rowsPending, 0);
  });
});
