/** Measures of one column from counts: windows that have nothing or odd things to compare. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sortedFloat32 } from "../../../../../engine/monitor/drift/float32-order.ts";
import { measureCounts } from "../../../../../engine/monitor/drift/measure-counts.ts";
import { NumberBins } from "../../../../../engine/monitor/drift/number-bins.ts";
import { profileNumbers, profileTexts } from "../../../../../engine/monitor/references/reference-builder.ts";
import type { WatchedColumn } from "../../../../../engine/monitor/references/reference-profile.ts";

const NUMBER: WatchedColumn = { name: "x", role: "input", type: "number" };
const TEXT: WatchedColumn = { name: "x", role: "input", type: "category" };
const { NaN: NULL, POSITIVE_INFINITY: INFINITE } = Number;

function ofNumbers(reference: readonly number[], current: readonly number[]) {
  const profile = profileNumbers(NUMBER, sortedFloat32(Float32Array.from(reference)), reference.length, 10);
  const bins = new NumberBins(profile.edges);
  const counts = new Uint32Array(bins.bins + 1);
  for (const value of current) counts[bins.slotOf(value)] = (counts[bins.slotOf(value)] ?? 0) + 1;
  return measureCounts(profile, counts);
}

/** Every number of the result is one that JSON can hold. */
function assertFinite(measures: unknown): void {
  if (typeof measures === "number") assert.ok(Number.isFinite(measures));
  else if (typeof measures === "object" && measures !== null) Object.values(measures).forEach(assertFinite);
  else assert.fail(`${String(measures)} is no number`);
}

const hundred = Array.from({ length: 100 }, (_, at) => at);

describe("measures from counts", () => {
  it("an empty window has rows 0 and no measure", () => {
    assert.deepEqual(ofNumbers(hundred, []), { rows: 0, nulls: 0 });
    assert.deepEqual(ofNumbers([], [1]), { rows: 1, nulls: 0 });
  });

  it("the reference's own rows are no drift", () => {
    const { psi, chiSquare, ks, wasserstein, outOfRangeRate } = ofNumbers(hundred, hundred);
    assert.deepEqual([psi?.value, psi?.corrected, psi?.pValue], [0, 0, 1]);
    assert.deepEqual([chiSquare?.pValue, ks?.low, ks?.pValue], [1, 0, 1]);
    assert.deepEqual([wasserstein?.low, wasserstein?.estimate, outOfRangeRate?.current], [0, 0, 0]);
  });

  it("one sample is measured, and proves nothing", () => {
    const measures = ofNumbers(hundred, [50]);
    assertFinite(measures);
    const { psi, chiSquare, ks } = measures;
    assert.ok((psi?.pValue ?? 0) > 0.01 && (chiSquare?.pValue ?? 0) > 0.01 && (ks?.pValue ?? 0) > 0.01);
  });

  it("a constant reference is compared, but has no deviation to measure in", () => {
    const measures = ofNumbers(Array(100).fill(5), [5, 5, 5, 6, 4]);
    assertFinite(measures);
    assert.equal(measures.outOfRangeRate?.current, 0.4);
    assert.ok(measures.wasserstein !== undefined && !("normalized" in measures.wasserstein));
    assert.equal(ofNumbers(Array(100).fill(5), Array(50).fill(5)).psi?.value, 0);
  });

  it("windows and references of nulls only have a null rate and no distances", () => {
    const spike = ofNumbers(hundred, Array(50).fill(NULL));
    assertFinite(spike);
    assert.deepEqual(
      [spike.nulls, spike.nullRate?.current, spike.ks, spike.wasserstein],
      [50, 1, undefined, undefined],
    );
    assert.ok((spike.psi?.value ?? 0) > 1);
    const filled = ofNumbers(Array(100).fill(NULL), hundred);
    assertFinite(filled);
    assert.deepEqual([filled.nullRate?.reference, filled.nullRate?.current, filled.ks], [1, 0, undefined]);
    assert.equal(ofNumbers(Array(100).fill(NULL), Array(10).fill(NULL)).psi?.value, 0);
  });

  it("infinite values are out of range, and no measure becomes infinite", () => {
    const measures = ofNumbers(hundred, [...hundred, INFINITE, -INFINITE, INFINITE]);
    assertFinite(measures);
    assert.equal(measures.outOfRangeRate?.current, 3 / 103);
    assertFinite(ofNumbers([INFINITE, INFINITE], [INFINITE, 1]));
  });

  it("a window's counts may stand anywhere in an array", () => {
    const profile = profileTexts(TEXT, ["a", "a", "b", null]);
    const counts = Uint32Array.of(9, 9, 1, 1, 1, 1, 9);
    assert.deepEqual(measureCounts(profile, counts, 2), measureCounts(profile, Uint32Array.of(1, 1, 1, 1)));
    assert.equal(measureCounts(profile, counts, 2).unseenRate?.current, 1 / 3);
  });
});
