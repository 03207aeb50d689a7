/** Tails of distributions against SciPy's, to 1e-9. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EngineError } from "../../../../../engine/core/errors.ts";
import { chiSquareTail } from "../../../../../engine/monitor/drift/chi-square-law.ts";
import { ksPValue } from "../../../../../engine/monitor/drift/exact-ks.ts";
import { kolmogorovTail } from "../../../../../engine/monitor/drift/kolmogorov-law.ts";
import { kolmogorovLimitTail } from "../../../../../engine/monitor/drift/kolmogorov-limit.ts";
import { driftGoldens } from "../../../../support/drift-samples.ts";

type Law =
  | { law: "chi_square"; df: number; x: number; tail: number }
  | { law: "normal"; z: number; tail: number }
  | { law: "limit"; z: number; tail: number }
  | { law: "kolmogorov"; n: number; x: number; tail: number }
  | ({ law: "two_sample"; n: number; m: number; d: number } & Record<Mode, number | null>);
type Mode = "exact" | "asymptotic" | "auto" | "limit";

const laws = driftGoldens("laws") as readonly Law[];

function near(actual: number, expected: number, place: unknown, relative = 1e300): void {
  const difference = Math.abs(actual - expected);
  assert.ok(difference <= 1e-9, `${JSON.stringify(place)}: ${actual}`);
  assert.ok(
    difference <= relative * Math.max(expected, 1e-300),
    `${JSON.stringify(place)}: ${actual} (relative)`,
  );
}

describe("laws of the test statistics", () => {
  it("chi-square tails, and normal ones by them, are SciPy's, small ones too", () => {
    let smallest = 1;
    for (const one of laws) {
      if (one.law === "chi_square") near(chiSquareTail(one.x, one.df), one.tail, one, 1e-11);
      if (one.law === "normal") near(chiSquareTail(one.z * one.z, 1), one.tail, one, 1e-11);
      if (one.law === "normal") smallest = Math.min(smallest, one.tail);
    }
    assert.ok(smallest < 1e-100);
    assert.equal(chiSquareTail(0, 3), 1);
    assert.equal(chiSquareTail(Number.POSITIVE_INFINITY, 3), 0);
  });

  it("the one-sample law is kstwo for any n", () => {
    for (const one of laws) if (one.law === "kolmogorov") near(kolmogorovTail(one.n, one.x), one.tail, one);
    assert.equal(kolmogorovTail(10, 1), 0);
    assert.equal(kolmogorovTail(10, 0), 1);
  });

  it("Kolmogorov's limit is that of scipy.special", () => {
    for (const one of laws) if (one.law === "limit") near(kolmogorovLimitTail(one.z), one.tail, one, 1e-11);
    assert.equal(kolmogorovLimitTail(0), 1);
  });

  it("two samples: all modes are SciPy's, equal and unequal sizes", () => {
    const modes = ["exact", "asymptotic", "auto", "limit"] as const;
    for (const one of laws) {
      if (one.law !== "two_sample") continue;
      for (const mode of modes)
        if (one[mode] !== null) near(ksPValue(one.n, one.m, one.d, mode), one[mode], { ...one, mode });
    }
  });

  it("n = m = 1000, D = 0.05: three modes, three p-values", () => {
    near(ksPValue(1000, 1000, 0.05, "exact"), 0.1641144776, "exact", 1e-9);
    near(ksPValue(1000, 1000, 0.05, "asymptotic"), 0.1586626022, "asymptotic", 1e-9);
    near(ksPValue(1000, 1000, 0.05, "limit"), 0.1640791977, "limit", 1e-9);
  });

  it("exact refuses what would take minutes", () => {
    assert.throws(
      () => ksPValue(10_001, 5, 0.1, "exact"),
      (error) => error instanceof EngineError && /use auto/.test(error.message),
    );
  });
});
