/** The state machine of one column, against a plain count over its whole history. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  advance,
  firstHitMs,
  type Level,
  WATCHING,
} from "../../../../../engine/monitor/drift/persistence.ts";
import { createRandom } from "../../../../support/random.ts";

type Step = "hit" | "quiet" | "between";

const THREE_OF_FIVE = { needed: 3, considered: 5, quiet: 2 };

/** Whether the column is active after each step. */
function run(steps: readonly Step[], persistence = THREE_OF_FIVE): boolean[] {
  let track = WATCHING;
  return steps.map((step, index) => {
    const level: Level = step === "hit" ? "warning" : "none";
    track = advance(track, { startMs: index, level }, step === "quiet", persistence);
    assert.ok(track.marks.length <= persistence.considered);
    return track.isActive;
  });
}

/** The same from the definition: looks back over all steps since the column was last left. */
function oracle(steps: readonly Step[], { needed, considered, quiet } = THREE_OF_FIVE): boolean[] {
  let since = 0;
  let isActive = false;
  return steps.map((_, index) => {
    const latest = steps.slice(Math.max(since, index + 1 - considered), index + 1);
    const calm = steps
      .slice(since)
      .slice(0, index + 1 - since)
      .slice(-quiet);
    if (!isActive) isActive = latest.filter((step) => step === "hit").length >= needed;
    else if (calm.length === quiet && calm.every((step) => step === "quiet")) {
      isActive = false;
      since = index + 1;
    }
    return isActive;
  });
}

describe("persistence", () => {
  it("activates a column with the k-th hit of the latest n windows, and not with older ones", () => {
    assert.deepEqual(run(["hit", "hit", "hit"]), [false, false, true]);
    assert.deepEqual(run(["hit", "quiet", "hit", "quiet", "hit"]).at(-1), true);
    assert.deepEqual(run(["hit", "quiet", "quiet", "hit", "quiet", "hit"]).includes(true), false);
  });

  it("lets it go after m quiet windows in a row; one between hit and quiet breaks the row", () => {
    const active: Step[] = ["hit", "hit", "hit"];
    assert.equal(run([...active, "quiet", "quiet"]).at(-1), false);
    assert.equal(run([...active, "quiet", "between", "quiet"]).at(-1), true);
    assert.equal(run([...active, "quiet", "hit", "quiet"]).at(-1), true);
  });

  it("starts anew after it was let go", () => {
    assert.equal(run(["hit", "hit", "hit", "quiet", "quiet", "hit", "hit"]).at(-1), false);
  });

  it("does what its definition says, over thousands of random histories", () => {
    const random = createRandom();
    for (let history = 0; history < 3_000; history++) {
      const considered = random.between(1, 8);
      const persistence = { considered, needed: random.between(1, considered), quiet: random.between(1, 4) };
      const hits = random.next();
      const steps = Array.from(
        { length: 60 },
        (): Step => (random.next() < hits ? "hit" : random.next() < 0.7 ? "quiet" : "between"),
      );
      const why = `seed ${random.seed}: ${JSON.stringify({ persistence, steps })}`;
      assert.deepEqual(run(steps, persistence), oracle(steps, persistence), why);
    }
  });

  it("remembers when its earliest hit was", () => {
    const track = advance(WATCHING, { startMs: 7, level: "warning" }, false, THREE_OF_FIVE);
    assert.equal(firstHitMs(track), 7);
    assert.equal(firstHitMs(WATCHING), undefined);
  });

  it("refuses a window that is counted twice, and a hit that is quiet", () => {
    const track = advance(WATCHING, { startMs: 7, level: "warning" }, false, THREE_OF_FIVE);
    assert.throws(() => advance(track, { startMs: 7, level: "none" }, true, THREE_OF_FIVE), /twice/);
    assert.throws(() => advance(track, { startMs: 8, level: "critical" }, true, THREE_OF_FIVE), /quiet/);
  });
});
