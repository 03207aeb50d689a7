/** Updates of models under quick changes and failures: one at a time, none lost, the latest state last. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { createDeferred, type Deferred } from "../../../engine/core/deferred.ts";
import { ModelUpdates } from "../../../engine/model-updates.ts";
import { eventually } from "../../support/eventually.ts";

/** Updates that end when the test says so. */
function controlled(): { updates: ModelUpdates; started: string[]; ends: Deferred<void>[] } {
  const started: string[] = [];
  const ends: Deferred<void>[] = [];
  const update = async (name: string): Promise<void> => {
    started.push(name);
    const end = createDeferred<void>();
    ends.push(end);
    await end.promise;
  };
  return { updates: new ModelUpdates(update, pino({ level: "silent" })), started, ends };
}

const count = async (started: readonly string[], wanted: number): Promise<void> => {
  await eventually(`${wanted} updates have started`, () => started.length >= wanted);
};

describe("model updates", () => {
  it("run one at a time, and again for a change that came meanwhile", async () => {
    const { updates, started, ends } = controlled();
    updates.changed("a");
    updates.changed("a");
    updates.changed("b");
    updates.run();
    assert.deepEqual(started, ["a"]);
    ends[0]?.resolve();
    await count(started, 2);
    assert.deepEqual(started, ["a", "a"]);
    ends[1]?.resolve();
    await count(started, 3);
    assert.deepEqual(started, ["a", "a", "b"]);
    ends[2]?.resolve();
    await updates.stop();
    assert.equal(started.length, 3);
  });

  it("that fail are tried with the next run, and hold up no other model", async () => {
    const { updates, started, ends } = controlled();
    updates.changed("a");
    updates.changed("b");
    ends[0]?.reject(new Error("away"));
    await count(started, 2);
    ends[1]?.resolve();
    await eventually("the failed one is tried again", () => {
      updates.run();
      return started.length === 3;
    });
    assert.deepEqual(started, ["a", "b", "a"]);
    ends[2]?.resolve();
    await updates.stop();
  });

  it("start no more once stopped, and a stop waits for the one that runs", async () => {
    const { updates, started, ends } = controlled();
    updates.changed("a");
    updates.changed("b");
    let isStopped = false;
    const stopping = updates.stop().then(() => {
      isStopped = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isStopped, false);
    ends[0]?.resolve();
    await stopping;
    updates.changed("c");
    assert.deepEqual(started, ["a"]);
  });
});
