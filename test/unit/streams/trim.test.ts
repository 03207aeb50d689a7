/** What is purged from a stream, and when. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DUPLICATE_WINDOW_MS } from "../../../streams/topology.ts";
import { Trimmer } from "../../../streams/trim.ts";

const LATER = DUPLICATE_WINDOW_MS + 1;

function trimmer(): { trim: Trimmer; purges: number[]; faults: Error[] } {
  const purges: number[] = [];
  const faults: Error[] = [];
  const purge = async (_: string, { seq }: { readonly seq: number }): Promise<void> => {
    const fault = faults.shift();
    if (fault !== undefined) throw fault;
    purges.push(seq);
  };
  return { trim: new Trimmer({ streams: { purge } }, "LOG"), purges, faults };
}

describe("the trimmer", () => {
  it("purges what was done a duplicate window ago, once", async () => {
    const { trim, purges } = trimmer();
    await trim.advance(10, 0);
    await trim.advance(20, 1_000);
    await trim.advance(20, LATER);
    await trim.advance(20, LATER);
    assert.deepEqual(purges, [11]);
    await trim.advance(20, LATER + 1_000);
    await trim.advance(20, LATER * 3);
    assert.deepEqual(purges, [11, 21]);
  });

  it("purges what a failed purge left, though nothing more was done", async () => {
    const { trim, purges, faults } = trimmer();
    await trim.advance(10, 0);
    faults.push(new Error("timeout"));
    await assert.rejects(trim.advance(10, LATER));
    await trim.advance(10, LATER);
    assert.deepEqual(purges, [11]);
  });

  it("forgets what was done when the count starts anew: it is another stream", async () => {
    const { trim, purges } = trimmer();
    await trim.advance(1_000, 0);
    await trim.advance(5, LATER);
    assert.deepEqual(purges, []);
    await trim.advance(5, LATER * 2 + 1);
    assert.deepEqual(purges, [6]);
  });
});
