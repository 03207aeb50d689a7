/**
 * Derived functions against values computed by hand, and what they make of missing and extreme inputs.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { StepLayout } from "../../../../engine/core/column.ts";
import {
  applyDerived,
  type DerivedCall,
  type DerivedFunctionName,
  derivedProblem,
} from "../../../../engine/core/derived-function.ts";
import type { StepOf } from "../../../../engine/core/preprocessing.ts";
import { SeededRandom } from "../../../../engine/core/seeded-random.ts";
import { HaversineKernel } from "../../../../engine/transform/place-kernels.ts";

/** 2026-11-21 is a Saturday. */
const SATURDAY_MS = Date.UTC(2026, 10, 21, 18, 45, 30);
const MONDAY_MS = Date.UTC(2026, 10, 23);
const HOUR_MS = 3_600_000;
const CALLS: Readonly<Record<DerivedFunctionName, DerivedCall>> = {
  ratio: { function: "ratio", inputs: ["a", "b"] },
  difference: { function: "difference", inputs: ["a", "b"] },
  product: { function: "product", inputs: ["a", "b"] },
  log1p: { function: "log1p", inputs: ["a"] },
  time_part: { function: "time_part", inputs: ["a"], part: "hour" },
  cycle_sin: { function: "cycle_sin", inputs: ["a"], cycle: "day" },
  cycle_cos: { function: "cycle_cos", inputs: ["a"], cycle: "day" },
  distance_km: { function: "distance_km", inputs: ["a", "b", "c", "d"] },
  bucket: { function: "bucket", inputs: ["a"], edges: [0, 10, 100] },
};

const near = (actual: number | undefined, expected: number, by = 1e-12): void =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) <= by, `${actual} is not near ${expected}`);

describe("a derived function", () => {
  it("computes ratio, difference, product and the logarithm", () => {
    assert.equal(applyDerived(CALLS.ratio, [3, 8]), 0.375);
    assert.equal(applyDerived(CALLS.difference, [3, 8]), -5);
    assert.equal(applyDerived(CALLS.product, [3, -8]), -24);
    near(applyDerived(CALLS.log1p, [Math.E - 1]), 1);
    assert.equal(applyDerived(CALLS.log1p, [0]), 0);
    assert.equal(applyDerived(CALLS.log1p, [1e-20]), 1e-20);
  });

  it("takes a boolean for 0 or 1", () => {
    assert.equal(applyDerived(CALLS.product, [true, 5]), 5);
    assert.equal(applyDerived(CALLS.difference, [false, true]), -1);
  });

  it("tells the parts of a time in UTC, Monday being 0", () => {
    const part = (name: "minute" | "hour" | "day_of_week" | "day_of_month" | "month", ms: number) =>
      applyDerived({ ...CALLS.time_part, part: name }, [ms]);
    assert.equal(part("minute", SATURDAY_MS), 45);
    assert.equal(part("hour", SATURDAY_MS), 18);
    assert.equal(part("day_of_week", SATURDAY_MS), 5);
    assert.equal(part("day_of_month", SATURDAY_MS), 21);
    assert.equal(part("month", SATURDAY_MS), 11);
    assert.equal(part("day_of_week", MONDAY_MS), 0);
    assert.equal(part("day_of_week", MONDAY_MS - 1), 6);
    assert.equal(part("day_of_week", 0), 3, "1970 began on a Thursday");
    assert.equal(part("hour", -1), 23);
  });

  it("goes once round in an hour, a day and a week that begins on Monday", () => {
    const at = (cycle: "hour" | "day" | "week", ms: number) => [
      applyDerived({ ...CALLS.cycle_sin, cycle }, [ms]),
      applyDerived({ ...CALLS.cycle_cos, cycle }, [ms]),
    ];
    for (const cycle of ["hour", "day", "week"] as const) {
      near(at(cycle, MONDAY_MS)[0], 0);
      near(at(cycle, MONDAY_MS)[1], 1);
    }
    near(at("hour", MONDAY_MS + HOUR_MS / 4)[0], 1);
    near(at("day", MONDAY_MS + 6 * HOUR_MS)[0], 1);
    near(at("day", MONDAY_MS + 12 * HOUR_MS)[1], -1);
    near(at("day", MONDAY_MS + 4 * HOUR_MS)[0], Math.sqrt(3) / 2);
    near(at("week", MONDAY_MS + 3.5 * 24 * HOUR_MS)[1], -1);
    near(at("day", -6 * HOUR_MS)[0], -1, 1e-9);
    near(at("week", Date.UTC(1969, 11, 29))[1], 1, 1e-9);
  });

  it("measures the distance of two points on the globe", () => {
    const degreeKm = (Math.PI * 6371.0088) / 180;
    const distance = (...values: number[]) => applyDerived(CALLS.distance_km, values);
    assert.equal(distance(48.2, 16.4, 48.2, 16.4), 0);
    near(distance(0, 0, 0, 1), degreeKm, 1e-9);
    near(distance(10, 20, 11, 20), degreeKm, 1e-9);
    near(distance(60, 0, 60, 180), 60 * degreeKm, 1e-6);
    near(distance(0, 179.5, 0, -179.5), degreeKm, 1e-9);
    near(distance(0, 0, 0, 180), 180 * degreeKm, 1e-6);
    near(distance(90, 0, -90, 77), 180 * degreeKm, 1e-6);
    near(distance(51.5007, -0.1246, 40.6892, -74.0445), 5574.8, 0.5);
    for (const latitude of [90.001, -91, 1e300])
      for (const values of [
        [latitude, 0, 0, 0],
        [0, 0, latitude, 0],
      ])
        assert.equal(distance(...values), undefined);
  });

  it("measures the distance that preprocessing does, to the last bit", () => {
    const random = new SeededRandom(1);
    const degrees = (most: number): number => (random.uniform() * 2 - 1) * most;
    const writes = [{ slot: 0 }] as unknown as StepLayout["writes"];
    for (let round = 0; round < 1_000; round++) {
      const from = [degrees(90), degrees(180)] as const;
      const to = [degrees(90), degrees(180)] as const;
      const step: StepOf<"haversine_distance"> = {
        type: "haversine_distance",
        from: [...from],
        to: [...to],
        output: "km",
      };
      const numbers = new Float64Array(1);
      new HaversineKernel(step, { step, reads: [], writes }).run({ numbers, texts: [] });
      assert.equal(applyDerived(CALLS.distance_km, [...from, ...to]), numbers[0]);
    }
  });

  it("counts the edges that a value has reached", () => {
    const bucket = (value: number) => applyDerived(CALLS.bucket, [value]);
    assert.deepEqual([-1, -0.001, 0, 9.99, 10, 99, 100, 1e9].map(bucket), [0, 0, 1, 1, 2, 2, 3, 3]);
  });

  it("gives nothing when any input is missing, a text or not finite", () => {
    for (const call of Object.values(CALLS)) {
      const whole = call.inputs.map(() => 1);
      assert.notEqual(applyDerived(call, whole), undefined, call.function);
      for (const bad of [undefined, "1", Number.NaN, Infinity, -Infinity])
        whole.forEach((_, index) => {
          assert.equal(applyDerived(call, whole.with(index, bad as number)), undefined, call.function);
        });
    }
  });

  it("gives nothing when the result is not finite", () => {
    assert.equal(applyDerived(CALLS.ratio, [1, 0]), undefined);
    assert.equal(applyDerived(CALLS.ratio, [0, 0]), undefined);
    assert.equal(applyDerived(CALLS.product, [1e300, 1e300]), undefined);
    assert.equal(applyDerived(CALLS.difference, [1e308, -1e308]), undefined);
    assert.equal(applyDerived(CALLS.log1p, [-1]), undefined);
    assert.equal(applyDerived(CALLS.log1p, [-2]), undefined);
    assert.equal(applyDerived(CALLS.time_part, [1e17]), undefined);
  });

  it("is called with its own number of inputs and its own parameters", () => {
    for (const call of Object.values(CALLS)) {
      assert.equal(derivedProblem(call), undefined, call.function);
      assert.equal(derivedProblem({ ...call, inputs: [...call.inputs, "z"] })?.[0], "inputs");
      assert.equal(derivedProblem({ ...call, inputs: call.inputs.slice(1) })?.[0], "inputs");
    }
    const { function: name, inputs } = CALLS.time_part;
    assert.deepEqual(derivedProblem({ function: name, inputs }), ["part", "required by time_part"]);
    assert.equal(derivedProblem({ function: "cycle_sin", inputs })?.[0], "cycle");
    assert.equal(derivedProblem({ function: "cycle_cos", inputs })?.[0], "cycle");
    assert.equal(derivedProblem({ function: "bucket", inputs })?.[0], "edges");
    assert.equal(derivedProblem({ ...CALLS.ratio, part: "hour" })?.[0], "part");
    assert.equal(derivedProblem({ ...CALLS.time_part, cycle: "day" })?.[0], "cycle");
    assert.equal(derivedProblem({ ...CALLS.log1p, edges: [1] })?.[0], "edges");
    for (const edges of [
      [1, 1],
      [2, 1],
      [1, 3, 2],
    ])
      assert.deepEqual(derivedProblem({ ...CALLS.bucket, edges }), ["edges", "must be ascending"]);
  });
});
