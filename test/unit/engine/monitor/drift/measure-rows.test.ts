/** Measures of samples against SciPy, NumPy, Evidently and NannyML, to 1e-9. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { chiSquareContingency } from "../../../../../engine/monitor/drift/contingency.ts";
import { jensenShannonDistance } from "../../../../../engine/monitor/drift/divergence.ts";
import { evidentlyOfNumbers, evidentlyOfTexts } from "../../../../../engine/monitor/drift/evidently.ts";
import { ksPValue } from "../../../../../engine/monitor/drift/exact-ks.ts";
import { sortedFloat32 } from "../../../../../engine/monitor/drift/float32-order.ts";
import { measureRows } from "../../../../../engine/monitor/drift/measure-rows.ts";
import { profileNumbers } from "../../../../../engine/monitor/references/reference-builder.ts";
import type { WatchedColumn } from "../../../../../engine/monitor/references/reference-profile.ts";
import { assertClose } from "../../../../support/close.ts";
import { driftGoldens, float32sOf } from "../../../../support/drift-samples.ts";

interface NumberCase {
  readonly name: string;
  readonly reference: readonly (number | string)[];
  readonly current: readonly (number | string)[];
  readonly scipy: Readonly<Record<"d" | "exact" | "asymptotic" | "wasserstein", number>>;
  readonly numpy: { readonly mean: number; readonly std: number };
  readonly evidently: Readonly<
    Record<"psi" | "klDiv" | "jensenshannon" | "wasserstein" | "ks_p_value", number>
  >;
  readonly nannyml?: { readonly d: number; readonly wasserstein: number };
}

interface TextCase {
  readonly name: string;
  readonly reference: readonly string[];
  readonly current: readonly string[];
  readonly evidently: Readonly<Record<"psi" | "klDiv" | "jensenshannon" | "chi_square_p_value", number>>;
  readonly nannyml: { readonly jensen_shannon: number; readonly chi2: number };
}

interface FillCase {
  readonly reference: Readonly<Record<string, number>>;
  readonly current: Readonly<Record<string, number>>;
  readonly evidently: TextCase["evidently"];
}

const NUMBER: WatchedColumn = { name: "x", role: "input", type: "number" };
const TEXT: WatchedColumn = { name: "x", role: "input", type: "category" };

function near(actual: unknown, expected: unknown, place: string): void {
  assertClose(actual, expected, place, 1e-9);
}

function measured(
  column: WatchedColumn,
  reference: Float32Array | string[],
  current: Float32Array | string[],
) {
  const measures = measureRows([column], new Map([["x", reference]]), new Map([["x", current]]), 20).get("x");
  assert.ok(measures !== undefined);
  return measures;
}

describe("measures of numbers", () => {
  for (const { name, scipy, numpy, evidently, nannyml, ...samples } of driftGoldens(
    "numbers",
  ) as readonly NumberCase[]) {
    const reference = float32sOf(samples.reference);
    const current = float32sOf(samples.current);
    it(`${name}: exact ones as SciPy's and NannyML's`, () => {
      const { exact, ks } = measured(NUMBER, reference, current);
      assert.ok(exact !== undefined && ks !== undefined);
      near(exact.d, scipy.d, "D");
      near(exact.pValue, scipy.exact, "exact");
      near(ksPValue(reference.length, current.length, exact.d, "asymptotic"), scipy.asymptotic, "asymptotic");
      near(exact.wasserstein, scipy.wasserstein, "Wasserstein");
      if (nannyml !== undefined)
        near([exact.d, exact.wasserstein], [nannyml.d, nannyml.wasserstein], "NannyML");
      assert.ok(
        ks.low <= exact.d + 1e-12 && exact.d <= ks.high + 1e-12 && ks.pValue >= scipy.asymptotic - 1e-9,
      );
    });

    it(`${name}: the profile's moments are NumPy's`, () => {
      const { mean, std } = profileNumbers(NUMBER, sortedFloat32(reference), reference.length, 20);
      near([mean, std], [numpy.mean, numpy.std], "moments");
    });

    it(`${name}: mode evidently as Evidently's`, () => {
      const { ks_p_value, ...expected } = evidently;
      const own = evidentlyOfNumbers(reference, current);
      for (const [field, value] of Object.entries(expected))
        near(own?.[field as keyof typeof own], value, field);
      // Evidently leaves infinite values out; here they are values
      if (!name.includes("infinite"))
        near(measured(NUMBER, reference, current).exact?.pValue, ks_p_value, "KS");
    });
  }

  it("name the law of their p-value: of large samples the asymptotic one", () => {
    const [small, large] = [1_000, 10_001].map((rows) => Float32Array.from({ length: rows }, (_, at) => at));
    assert.ok(small !== undefined && large !== undefined);
    assert.equal(measured(NUMBER, small, small).exact?.mode, "exact");
    assert.equal(measured(NUMBER, small, large).exact?.mode, "asymptotic");
    const far = Float32Array.from({ length: 2_000 }, (_, at) => at + 1e6);
    assert.equal(
      measured(NUMBER, far, small).exact?.mode,
      "asymptotic",
      "the exact one would be slow and the same",
    );
  });

  it("do not depend on the order of the rows, and are the same bits each time", () => {
    const [, , one] = driftGoldens("numbers") as readonly NumberCase[];
    assert.ok(one !== undefined);
    const there = measured(NUMBER, float32sOf(one.reference), float32sOf(one.current));
    const back = measured(
      NUMBER,
      float32sOf(one.reference).toReversed(),
      float32sOf(one.current).toReversed(),
    );
    assert.deepEqual(there, back);
  });

  it("nulls are left out of distances, and have their rate", () => {
    const reference = Float32Array.from({ length: 1000 }, (_, at) => (at % 10 === 0 ? Number.NaN : at));
    const current = Float32Array.from({ length: 400 }, (_, at) => (at % 2 === 0 ? Number.NaN : at));
    const { nullRate, exact, rows, nulls } = measured(NUMBER, reference, current);
    assert.deepEqual([rows, nulls, nullRate?.reference, nullRate?.current], [400, 200, 0.1, 0.5]);
    assert.ok(nullRate !== undefined && nullRate.pValue < 1e-30);
    assert.ok(exact !== undefined && Math.abs(exact.d - 0.6) < 0.01);
  });
});

describe("measures of categories", () => {
  for (const { name, reference, current, evidently, nannyml } of driftGoldens(
    "categories",
  ) as readonly TextCase[]) {
    it(`${name}: mode evidently as Evidently's`, () => {
      const { chi_square_p_value, ...expected } = evidently;
      const own = evidentlyOfTexts(reference, current);
      for (const [field, value] of Object.entries(expected))
        near(own?.[field as keyof typeof own], value, field);
      // Evidently takes the reference as known, which makes differences more significant than they are
      const { chiSquare } = measured(TEXT, [...reference], [...current]);
      assert.ok(chiSquare !== undefined && chiSquare.pValue >= chi_square_p_value - 0.01);
    });

    it(`${name}: Jensen-Shannon and the plain chi-square as NannyML's`, () => {
      const values = [...new Set([...reference, ...current])];
      const countsOf = (sample: readonly string[]) =>
        values.map((value) => sample.filter((other) => other === value).length);
      const [before, now] = [countsOf(reference), countsOf(current)];
      near(chiSquareContingency(before, now).statistic, nannyml.chi2, "chi-square");
      // NannyML pools values that the reference never had, as the profile does
      const { jensenShannon } = measured(TEXT, [...reference], [...current]);
      near(jensenShannon, nannyml.jensen_shannon, "Jensen-Shannon");
      if (!now.some((count, at) => count > 0 && before[at] === 0))
        near(jensenShannonDistance(before, now), nannyml.jensen_shannon, "Jensen-Shannon of values");
    });
  }

  it("mode evidently fills empty bins as Evidently does, the jump at 1e-4 included", () => {
    const fills = driftGoldens("fills") as readonly FillCase[];
    assert.equal(fills.length, 3);
    const repeat = (counts: Readonly<Record<string, number>>) =>
      Object.entries(counts).flatMap(([value, times]) => Array<string>(times).fill(value));
    for (const { reference, current, evidently } of fills) {
      const own = evidentlyOfTexts(repeat(reference), repeat(current));
      near([own?.psi, own?.klDiv], [evidently.psi, evidently.klDiv], "PSI and KL");
    }
  });

  it("values that the reference never had are told by their rate", () => {
    const reference = Array.from({ length: 500 }, (_, at) => `w${at % 4}`);
    const { unseenRate } = measured(TEXT, reference, [...reference.slice(0, 90), ...Array(10).fill("new")]);
    assert.deepEqual([unseenRate?.reference, unseenRate?.current], [0, 0.1]);
    assert.ok(unseenRate !== undefined && unseenRate.pValue < 1e-6);
  });
});
