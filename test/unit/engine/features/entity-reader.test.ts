/** Reading states for predictions: what is cached, for how long, and what a store that fails or a damaged state costs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import type { EntityKey, IngestPosition } from "../../../../engine/core/entity-store.ts";
import { EngineError } from "../../../../engine/core/errors.ts";
import { Metrics, SECONDS } from "../../../../engine/core/metrics.ts";
import { EntityReader } from "../../../../engine/features/entity-reader.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import { eventually } from "../../../support/eventually.ts";

const KEYS: EntityKey[] = ["a", "b", "a", "c"].map((id) => ({ type: "card", id }));

function stateOf(seq: number): Buffer {
  const state = EntityState.from(undefined);
  state.seq = seq;
  return state.toBuffer();
}

function createReader(cacheMaxAgeMs: number, cacheEntriesMax = 100) {
  const metrics = new Metrics();
  const asked: string[][] = [];
  const states = new Map([
    ["a", stateOf(1)],
    ["b", stateOf(2)],
  ]);
  const position: IngestPosition | undefined = { epoch: 1, seq: 9, columns: [] };
  const store: { isUp: boolean; position: IngestPosition | undefined } = { isUp: true, position };
  const reader = new EntityReader({
    store: {
      readWithPosition: async (keys) => {
        asked.push(keys.map(({ id }) => id));
        if (!store.isUp) throw new EngineError("SERVICE_UNAVAILABLE", "away");
        const found = keys.map(({ id }) => states.get(id));
        return { states: found, position: store.position, failure: undefined };
      },
    },
    cacheEntriesMax,
    cacheMaxAgeMs,
    readSeconds: metrics.histogram("read", "", SECONDS),
    hits: metrics.counter("hits", ""),
    misses: metrics.counter("misses", ""),
    unavailable: metrics.counter("unavailable", ""),
    logger: pino({ level: "silent" }),
  });
  const seqs = async (): Promise<(number | null | undefined)[]> =>
    (await reader.read(KEYS)).map((view) => (view === null ? null : view?.seq));
  return { asked, states, store, seqs };
}

describe("the reader of entity states", () => {
  it("reads each entity once, and again only when its copy is too old", async () => {
    const { asked, states, seqs } = createReader(60);
    assert.deepEqual(await seqs(), [1, 2, 1, 0]);
    states.set("a", stateOf(5));
    assert.deepEqual(await seqs(), [1, 2, 1, 0]);
    assert.deepEqual(asked, [["a", "b", "c"]]);
    await eventually("the new state is read", async () => (await seqs())[0] === 5);
  });

  it("keeps no more copies than it may, and none when it may keep none", async () => {
    const small = createReader(60_000, 1);
    await small.seqs();
    await small.seqs();
    assert.deepEqual(small.asked, [
      ["a", "b", "c"],
      ["a", "b"],
    ]);
    const none = createReader(0);
    await none.seqs();
    await none.seqs();
    assert.equal(none.asked.length, 2);
  });

  it("says which entities could not be had while the store is away, and has them when it is back", async () => {
    const { store, seqs } = createReader(0);
    store.isUp = false;
    assert.deepEqual(await seqs(), [null, null, null, null]);
    store.isUp = true;
    assert.deepEqual(await seqs(), [1, 2, 1, 0]);
  });

  it("says so when the store has lost its data: that there is no state says nothing then", async () => {
    const { store, seqs } = createReader(0);
    store.position = undefined;
    assert.deepEqual(await seqs(), [null, null, null, null]);
  });

  it("does not let a damaged state harm the others", async () => {
    const { states, seqs } = createReader(1_000);
    states.set("b", Buffer.from("no state at all, but longer than a header"));
    assert.deepEqual(await seqs(), [1, null, 1, 0]);
  });
});
