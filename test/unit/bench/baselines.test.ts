/** Which measured ratios are outside of the bounds that are stored, and which bounds a run leaves. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkRatios, withMeasured } from "../../../bench/baselines.ts";

const BASELINES = {
  "engine / echo": { value: 0.6, atLeast: 0.42 },
  "p99 with / without": { value: 1, atMost: 1.4 },
};

function fallen(measured: Record<string, number>): string[] {
  return checkRatios(BASELINES, measured)
    .filter(({ isKept }) => !isKept)
    .map(({ ratio }) => ratio);
}

describe("a measured ratio", () => {
  it("has fallen when it is outside of its bound, whatever its goal is by now", () => {
    assert.deepEqual(fallen({ "engine / echo (goal ≥ 0.7)": 0.41, "p99 with / without (goal ≤ 1.5)": 1.4 }), [
      "engine / echo",
    ]);
    assert.deepEqual(fallen({ "engine / echo (goal ≥ 0.3)": 0.42, "p99 with / without": 1.41 }), [
      "p99 with / without",
    ]);
  });

  it("has fallen when it is no number", () => {
    assert.deepEqual(fallen({ "engine / echo": Number.NaN, "p99 with / without": Number.NaN }), [
      "engine / echo",
      "p99 with / without",
    ]);
  });

  it("has not fallen when it was not measured, and is said to be missing", () => {
    const checked = checkRatios(BASELINES, { "engine / echo": 0.6 });
    assert.deepEqual(
      checked.map(({ measured, isKept }) => [measured, isKept]),
      [
        [0.6, true],
        [undefined, true],
      ],
    );
  });
});

describe("baselines of a run", () => {
  it("leave 0.7 of what should be high, and as much room above what should be low", () => {
    assert.deepEqual(
      withMeasured(
        {},
        {
          "engine / echo (goal ≥ 0.7)": 0.6,
          "p99 with / without (goal ≤ 1.5)": 1.4,
          "HMGET (goal p99 ≤ 1.5 ×)": 7,
          "logged / not (higher is better)": 0.5,
        },
      ),
      {
        "engine / echo": { value: 0.6, atLeast: 0.42 },
        "p99 with / without": { value: 1.4, atMost: 2 },
        HMGET: { value: 7, atMost: 10 },
        "logged / not": { value: 0.5, atLeast: 0.35 },
      },
    );
  });

  it("have no absolute figures, none without a direction, and nothing that is no positive number", () => {
    const measured = {
      "rows/s (goal ≥ 250,000)": 1,
      "p99 ms (goal ≤ 5)": 1,
      "before / after": 1,
      "engine / bare loop (goal ≥ 0.6)": Number.NaN,
    };
    assert.deepEqual(withMeasured({}, measured), {});
  });

  it("keep those of what was not measured this time", () => {
    assert.deepEqual(withMeasured(BASELINES, { "engine / echo (goal ≥ 0.7)": 1 }), {
      ...BASELINES,
      "engine / echo": { value: 1, atLeast: 0.7 },
    });
  });
});
