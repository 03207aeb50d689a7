/** When counting takes up what the sink hands over: never what it has counted from the table already. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import {
  CountKeeper,
  type LogPosition,
  type WatchedVersion,
} from "../../../../../engine/monitor/drift/count-keeper.ts";
import { buildProfile } from "../../../../../engine/monitor/references/reference-builder.ts";
import { logRowsOf } from "../../../../support/log-rows.ts";

const MINUTE_MS = 60_000;
const COLUMN = { name: "amount", role: "input", type: "number" } as const;
const VERSION: WatchedVersion = {
  model: "counted",
  version: "1.0.0",
  referenceId: "reference",
  profile: buildProfile([COLUMN], new Map([["amount", Float32Array.from({ length: 500 }, (_, at) => at)]])),
  texts: [],
};

/** A table in which predictions stand up to `visibleTo`, and the sink's own word on how far it is. */
class Table {
  visibleTo = 0;
  countedSeq = 0;
  sinkSeq = 0;
  inserts = 0;

  keeper(): CountKeeper {
    const at = (seq: number): LogPosition => ({ epoch: 1, seq });
    const keeper = new CountKeeper({
      table: {
        insert: async () => {
          this.countedSeq = this.visibleTo;
          this.inserts++;
        },
        runningInserts: async () => 0,
        countedTo: async () => at(this.countedSeq),
        uncountedTo: async (_, from) => (from.seq < this.visibleTo ? at(this.visibleTo) : undefined),
        readPredictions: async () => Buffer.alloc(0),
      },
      sinkPosition: () => at(this.sinkSeq),
      logger: pino({ level: "silent" }),
    });
    keeper.watch([VERSION]);
    return keeper;
  }

  /** The next message, stored and told of: a prediction made at `dateMs`. */
  store(keeper: CountKeeper, dateMs: number): void {
    const afterSeq = this.sinkSeq++;
    this.visibleTo = this.sinkSeq;
    keeper.stored({ rows: logRowsOf([{ dateMs, numbers: [7] }]), epoch: 1, afterSeq, seq: this.sinkSeq });
  }
}

describe("the keeper of counts", () => {
  it("does not go live before the sink knows what is counted: it would hand that over again", async () => {
    const table = new Table();
    table.visibleTo = 120; // the insert is visible, and its answer under way
    table.sinkSeq = 100;
    const keeper = table.keeper();
    assert.deepEqual(await keeper.settle(), []);
    assert.equal(table.countedSeq, 120);
    keeper.stored({ rows: new Uint8Array(0), epoch: 1, afterSeq: 100, seq: 120 });
    table.sinkSeq = 120;
    assert.deepEqual(await keeper.settle(), [VERSION]);
  });

  it("is behind as long as the sink does not know what is stored", async () => {
    assert.deepEqual(await new Table().keeper().settle(), []);
  });

  it("starts over when the sink went on without a word", async () => {
    const table = new Table();
    table.visibleTo = 5;
    table.sinkSeq = 5;
    const keeper = table.keeper();
    assert.deepEqual(await keeper.settle(), [VERSION]);
    table.visibleTo = 9;
    table.sinkSeq = 9;
    await keeper.settle();
    assert.equal(table.countedSeq, 9);
  });

  it("inserts a minute once it is over, and holds counts of the running one for half a minute at most", async () => {
    const table = new Table();
    table.visibleTo = 1;
    table.sinkSeq = 1;
    const keeper = table.keeper();
    const startMs = 1_000 * MINUTE_MS;
    const insertsAfter = async (nowMs: number): Promise<number> => {
      table.inserts = 0;
      assert.deepEqual(await keeper.settle(startMs + nowMs), [VERSION]);
      return table.inserts;
    };
    await insertsAfter(0);
    table.store(keeper, startMs);
    assert.equal(await insertsAfter(5_000), 1, "the first ones at once");
    table.store(keeper, startMs + 10_000);
    assert.equal(await insertsAfter(34_999), 0);
    assert.equal(await insertsAfter(35_000), 1);
    assert.equal(await insertsAfter(59_999), 0, "nothing is counted");
    table.store(keeper, startMs + 59_999);
    assert.equal(await insertsAfter(59_999), 0);
    table.store(keeper, startMs + 60_000);
    assert.equal(await insertsAfter(60_000), 1);
    table.store(keeper, startMs + 61_000);
    assert.equal(await insertsAfter(65_000), 0, "the minute before is inserted already");
    table.store(keeper, startMs + 59_000);
    assert.equal(await insertsAfter(65_000), 1, "a late one of it does not wait");
  });

  it("starts over from the table when stored rows cannot be read", async () => {
    const table = new Table();
    table.visibleTo = 1;
    table.sinkSeq = 1;
    const keeper = table.keeper();
    await keeper.settle(0);
    const rows = logRowsOf([{ numbers: [7] }, { numbers: [8] }]);
    table.visibleTo = 2;
    table.sinkSeq = 2;
    keeper.stored({ rows: rows.subarray(0, rows.length - 1), epoch: 1, afterSeq: 1, seq: 2 });
    table.inserts = 0;
    assert.deepEqual(await keeper.settle(MINUTE_MS), [VERSION]);
    assert.deepEqual([table.inserts, table.countedSeq], [1, 2]);
  });
});
