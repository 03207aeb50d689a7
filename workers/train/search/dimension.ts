/**
 * One parameter of a search space on the axis that it is searched on: its logarithm where the space says so. Steps and integers are
 * cells of that axis, half a step to either side, so that each value is as likely as any other.
 */
import type { ParameterValue, SearchParameter } from "../../../engine/core/training-search.ts";

export interface NumberDimension {
  readonly kind: "number";
  readonly name: string;
  /** Ends of the axis. */
  readonly low: number;
  readonly high: number;
  toAxis(value: number): number;
  /** The nearest value that may be tried. */
  fromAxis(at: number): number;
  /** The part of the axis that belongs to a value; undefined where all values differ. */
  cellOf(value: number): readonly [low: number, high: number] | undefined;
  /** All values in ascending order; undefined where they are not countable. */
  readonly values: { readonly count: number; at(index: number): number } | undefined;
}

export interface ChoiceDimension {
  readonly kind: "choice";
  readonly name: string;
  readonly choices: readonly ParameterValue[];
}

export type Dimension = NumberDimension | ChoiceDimension;

/** Sums of steps are rounded to this many digits: 0.1 + 2 × 0.1 is 0.3. */
const STEP_DIGITS = 12;

export function toDimension(name: string, parameter: SearchParameter): Dimension {
  if (parameter.type === "categorical") return { kind: "choice", name, choices: parameter.choices };
  const { low, high, log, step, type } = parameter;
  const toAxis = log ? Math.log : (value: number) => value;
  const valueOf = log ? Math.exp : (at: number) => at;
  if (step === undefined) {
    const fromAxis = (at: number) => Math.min(high, Math.max(low, valueOf(at)));
    const values = low === high ? { count: 1, at: () => low } : undefined;
    return {
      kind: "number",
      name,
      low: toAxis(low),
      high: toAxis(high),
      toAxis,
      fromAxis,
      cellOf: () => undefined,
      values,
    };
  }
  const count = Math.floor((high - low) / step + 1e-9) + 1;
  const valueAt = (index: number): number =>
    type === "int" ? low + index * step : Number((low + index * step).toPrecision(STEP_DIGITS));
  const half = step / 2;
  return {
    kind: "number",
    name,
    low: toAxis(low - half),
    high: toAxis(valueAt(count - 1) + half),
    toAxis,
    fromAxis: (at) => valueAt(Math.min(count - 1, Math.max(0, Math.round((valueOf(at) - low) / step)))),
    cellOf: (value) => [toAxis(value - half), toAxis(value + half)],
    values: { count, at: valueAt },
  };
}
