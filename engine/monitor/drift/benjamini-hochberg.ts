/**
 * The Benjamini-Hochberg correction: p-values of many tests made at once, adjusted so that calling those at or below
 * alpha keeps the expected share of false calls among all calls at or below alpha.
 *
 * Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995), 289-300; SciPy's `false_discovery_control(method="bh")` and
 * statsmodels' `multipletests(method="fdr_bh")` give the same numbers. Valid for independent tests and for positively
 * dependent ones (Benjamini and Yekutieli 2001), as those of correlated features are.
 */
import assert from "node:assert/strict";

/** @returns the adjusted p-values, in the order of `pValues`: with ranks i = 1..m, the least p(j)·m/j over j ≥ i, at most 1. */
export function benjaminiHochberg(pValues: readonly number[]): number[] {
  const count = pValues.length;
  const adjusted = pValues.slice();
  const descending = pValues.map((p, index) => ({ p, index })).sort((a, b) => b.p - a.p);
  let least = 1;
  for (const [place, { p, index }] of descending.entries()) {
    assert.ok(p >= 0 && p <= 1, `a p-value is ${p}`);
    least = Math.min(least, (p * count) / (count - place));
    adjusted[index] = least;
  }
  return adjusted;
}
