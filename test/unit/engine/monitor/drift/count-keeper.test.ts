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

  keeper(): CountKeeper {
    const at = (seq: number): LogPosition => ({ epoch: 1, seq });
    const keeper = new CountKeeper({
      table: {
        insert: async () => {
          this.countedSeq = this.visibleTo;
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
});
