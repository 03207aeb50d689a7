/** Which figures of a new run are worse than those of an old one. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compareRatios } from "../../../bench/comparison.ts";

const verdicts = (older: Record<string, number>, newer: Record<string, number>): Record<string, string> =>
  Object.fromEntries(
    compareRatios("http", older, newer, 0.1).map(({ figure, verdict }) => [figure, verdict]),
  );

describe("two runs", () => {
  it("are judged by the way that a figure's goal points", () => {
    assert.deepEqual(
      verdicts(
        { "rate (goal ≥ 0.7)": 0.8, "p99 (goal ≤ 5)": 4, "time (goal < 3)": 2, "failed (goal 0)": 0 },
        { "rate (goal ≥ 0.7)": 0.71, "p99 (goal ≤ 5)": 4.3, "time (goal < 3)": 1.5, "failed (goal 0)": 1 },
      ),
      {
        "rate (goal ≥ 0.7)": "worse",
        "p99 (goal ≤ 5)": "same",
        "time (goal < 3)": "better",
        "failed (goal 0)": "worse",
      },
    );
  });

  it("leave alone what has no goal or was not there before", () => {
    assert.deepEqual(verdicts({ share: 1 }, { share: 9, "rate (goal ≥ 1)": 2 }), {
      share: "",
      "rate (goal ≥ 1)": "new",
    });
  });

  it("are worse where a figure is none", () => {
    assert.deepEqual(verdicts({ "rate (goal ≥ 1)": 2 }, { "rate (goal ≥ 1)": Number.NaN }), {
      "rate (goal ≥ 1)": "worse",
    });
  });
});
