/** Golden values of the drift verdict, made by test/fixtures/make-verdict.py. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fixture } from "./model.ts";

interface VerdictGolden {
  readonly benjamini_hochberg: readonly {
    readonly p_values: readonly number[];
    readonly adjusted: readonly number[];
  }[];
  readonly rates: readonly {
    readonly rows: number;
    readonly count: number;
    readonly reference_rows: number;
    readonly reference_count: number;
    readonly z: number;
  }[];
  readonly chi_square: readonly { readonly x: number; readonly degrees: number; readonly survival: number }[];
  readonly normal: readonly { readonly x: number; readonly cdf: number }[];
}

export const verdictGolden = JSON.parse(
  readFileSync(fixture("verdict/golden.json"), "utf8"),
) as VerdictGolden;

/** Equal within a share of the expected number. */
export function assertRelative(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual - expected) <= share * Math.abs(expected), `${actual}, not ${expected}`);
}
