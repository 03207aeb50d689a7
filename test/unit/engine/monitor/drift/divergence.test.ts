/** Measures of counts against SciPy's, and what the smoothing promises. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  chiSquareContingency,
  chiSquareTest,
  compareProportions,
  poolSparseBins,
} from "../../../../../engine/monitor/drift/contingency.ts";
import {
  jensenShannonDistance,
  kullbackLeibler,
  psi,
} from "../../../../../engine/monitor/drift/divergence.ts";
import { assertClose } from "../../../../support/close.ts";
import { driftGoldens } from "../../../../support/drift-samples.ts";
import { createRandom, type Random } from "../../../../support/random.ts";

interface Case {
  readonly name: string;
  readonly reference: readonly number[];
  readonly current: readonly number[];
  readonly chi2_contingency: { readonly statistic: number; readonly dof: number; readonly pvalue: number };
  readonly jensenshannon_base_2: number;
  readonly psi: number;
  readonly kl: number;
}

/** Rows that fall into any of 20 bins alike. */
function drawEven(random: Random, size: number): Float64Array {
  const counts = new Float64Array(20);
  for (let row = 0; row < size; row++) {
    const bin = random.between(0, 19);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

describe("measures of counts", () => {
  for (const { name, reference, current, ...golden } of driftGoldens("counts") as readonly Case[])
    it(`${name}: as SciPy's`, () => {
      const { statistic, freedom, pValue } = chiSquareContingency(reference, current);
      const { statistic: expected, dof, pvalue } = golden.chi2_contingency;
      assertClose([statistic, freedom, pValue], [expected, dof, pvalue], "chi-square", 1e-9);
      assertClose(
        jensenShannonDistance(reference, current),
        golden.jensenshannon_base_2,
        "Jensen-Shannon",
        1e-9,
      );
      assertClose(psi(reference, current).value, golden.psi, "PSI", 1e-9);
      assertClose(kullbackLeibler(reference, current), golden.kl, "KL", 1e-9);
    });

  it("equal shares are no drift, whatever the sizes", () => {
    const { value, corrected, pValue } = psi([1000, 0, 3000], [1, 0, 3]);
    assert.ok(Math.abs(value) < 1e-15);
    assert.equal(corrected, 0);
    assert.ok(pValue > 0.999);
  });

  it("PSI is symmetric, and bins that nobody uses change nothing", () => {
    const random = createRandom();
    const draw = () => Array.from({ length: 12 }, () => random.between(0, 40));
    const [left, right] = [draw(), draw()];
    const there = psi(left, right);
    assertClose(there.value, psi(right, left).value, "symmetric", 1e-14);
    assert.deepEqual(psi([...left, 0, 0], [...right, 0, 0]), there);
    assert.ok(there.value > 0);
  });

  it("one row in a bin that a million rows lack costs ln 3 / m, and is no proof", () => {
    const reference = [500_000, 500_000, 0];
    const { value, pValue } = psi(reference, [150, 149, 1]);
    assert.ok(Math.abs(value - Math.log(3) / 300) < 1e-4, String(value));
    assert.ok(pValue > 0.1, String(pValue));
    assert.ok(chiSquareTest(reference, [150, 149, 1]).pValue > 0.1);
    assert.ok(
      chiSquareContingency(reference, [150, 149, 1]).pValue < 1e-100,
      "which the plain test takes it for",
    );
  });

  it("PSI's bias is (B - 1) (1/n + 1/m) for large bins, and what PSI is on average without drift", () => {
    const large = psi([3e6, 0, 3e6, 4e6], [5e5, 0, 5e5, 1e6]);
    assertClose(large.bias / (2 * (1e-7 + 5e-7)), 1, "three bins in use", 1e-5);
    const random = createRandom(11);
    for (const [size, off] of [
      [500, 0.05],
      [100, 0.12],
    ] as const) {
      const windows = Array.from({ length: 500 }, () => psi(drawEven(random, 5000), drawEven(random, size)));
      const sumOf = (field: "value" | "bias") => windows.reduce((sum, window) => sum + window[field], 0);
      const ratio = sumOf("bias") / sumOf("value");
      assert.ok(Math.abs(ratio - 1) < off, `${size} rows: ${ratio}`);
    }
  });

  it("PSI's p-value without drift is uniform enough: 5 % and 1 % of windows are below 0.05 and 0.01", () => {
    const random = createRandom(5);
    const reference = drawEven(random, 100_000);
    const pValues = Array.from({ length: 3000 }, () => psi(reference, drawEven(random, 300)).pValue);
    const below = (level: number) => pValues.filter((pValue) => pValue < level).length / pValues.length;
    assert.ok(below(0.05) > 0.03 && below(0.05) < 0.065, `5 %: ${below(0.05)}`);
    assert.ok(below(0.01) > 0.003 && below(0.01) < 0.018, `1 %: ${below(0.01)}`);
  });

  it("nothing in common is the largest distance", () => {
    assert.equal(jensenShannonDistance([5, 0], [0, 9]), 1);
  });
});

describe("chi-square test", () => {
  it("puts bins together that expect too few rows, and keeps all rows", () => {
    const pooled = poolSparseBins([1000, 900, 3, 0, 50], [100, 80, 0, 2, 5]);
    assert.deepEqual(pooled, { reference: [1000, 900, 53], current: [100, 80, 7] });
    // 52 rows of both expect 4.9 in the smaller sample
    assert.deepEqual(poolSparseBins([1000, 1000, 47, 48], [100, 100, 5, 4]), {
      reference: [1000, 1000, 95],
      current: [100, 100, 9],
    });
    assert.deepEqual(poolSparseBins([1000, 900, 1], [100, 80, 0]), {
      reference: [1000, 901],
      current: [100, 80],
    });
  });

  it("has nothing to say of one bin or of no rows", () => {
    for (const [reference, current] of [
      [
        [10, 0],
        [7, 0],
      ],
      [
        [0, 0],
        [1, 2],
      ],
      [
        [3, 4],
        [0, 0],
      ],
      [
        [2, 1],
        [0, 1],
      ],
    ] as const)
      assert.deepEqual(chiSquareTest(reference, current), { statistic: 0, freedom: 0, pValue: 1 });
  });

  it("compares proportions, rare ones without alarm", () => {
    const rare = compareProportions({ hits: 0, total: 1000 }, { hits: 1, total: 50 });
    assert.ok(rare !== undefined && rare.pValue > 0.01, "Fisher's exact test says 0.048");
    const spike = compareProportions({ hits: 10, total: 1000 }, { hits: 30, total: 100 });
    assert.ok(spike !== undefined && spike.pValue < 1e-10);
    assert.deepEqual([spike.reference, spike.current], [0.01, 0.3]);
    assert.equal(compareProportions({ hits: 0, total: 0 }, { hits: 1, total: 50 }), undefined);
    assert.equal(compareProportions({ hits: 5, total: 5 }, { hits: 3, total: 3 })?.pValue, 1);
  });
});
