/**
 * The functions of derived features: what they take, what they give, and how a definition names them.
 *
 * All are pure, and give `undefined` (missing) when an input is missing or the result is not a finite number.
 * Times are milliseconds since 1970, and their parts are those of UTC.
 */
import { z } from "zod";
import { haversineKm } from "./haversine.ts";
import { type TimePart, timePartOf } from "./time-parts.ts";

type Value = number | string | boolean | undefined;

const PARTS = [
  "minute",
  "hour",
  "day_of_week",
  "day_of_month",
  "month",
] as const satisfies readonly TimePart[];
const CYCLE_MS = { hour: 3_600_000, day: 86_400_000, week: 604_800_000 } as const;
const DAY_MS = 86_400_000;
const INPUTS_MAX = 4;
const EDGES_MAX = 1000;

export interface DerivedParameters {
  readonly part?: (typeof PARTS)[number] | undefined;
  readonly cycle?: keyof typeof CYCLE_MS | undefined;
  readonly edges?: readonly number[] | undefined;
}

interface Definition {
  readonly inputs: number;
  readonly needs?: keyof DerivedParameters;
  /** When the result is an integer: whatever the inputs are, or if they are integers. Never by default. */
  readonly integers?: "always" | "of integers";
  readonly apply: (values: readonly number[], parameters: DerivedParameters) => number;
}

/** By name. `apply` gets as many finite numbers as the function has inputs; booleans come as 0 and 1. */
export const DERIVED_FUNCTIONS = {
  /** a / b */
  ratio: { inputs: 2, apply: ([a = 0, b = 0]) => a / b },
  /** a - b */
  difference: { inputs: 2, integers: "of integers", apply: ([a = 0, b = 0]) => a - b },
  product: { inputs: 2, integers: "of integers", apply: ([a = 0, b = 0]) => a * b },
  /** ln(1 + a) */
  log1p: { inputs: 1, apply: ([a = 0]) => Math.log1p(a) },
  /** A part of a time; days of the week count from Monday = 0. */
  time_part: {
    inputs: 1,
    needs: "part",
    integers: "always",
    apply: ([a = 0], { part }) => (part === undefined ? Number.NaN : timePartOf(new Date(a), part)),
  },
  /** Sine of a time within its cycle. */
  cycle_sin: { inputs: 1, needs: "cycle", apply: ([a = 0], { cycle }) => Math.sin(angle(a, cycle)) },
  cycle_cos: { inputs: 1, needs: "cycle", apply: ([a = 0], { cycle }) => Math.cos(angle(a, cycle)) },
  /** Great-circle distance of (latitude, longitude, latitude, longitude) in degrees, km; missing where there is no such latitude. */
  distance_km: {
    inputs: 4,
    apply: ([a = 0, b = 0, c = 0, d = 0]) =>
      Math.abs(a) > 90 || Math.abs(c) > 90 ? Number.NaN : haversineKm(a, b, c, d),
  },
  /** How many of the ascending edges are at most a: 0 below the first. */
  bucket: {
    inputs: 1,
    needs: "edges",
    integers: "always",
    apply: ([a = 0], { edges = [] }) => edges.filter((edge) => edge <= a).length,
  },
} as const satisfies Record<string, Definition>;

export type DerivedFunctionName = keyof typeof DERIVED_FUNCTIONS;

/** The fields of a derived feature that name its function, inputs and parameters. */
export const derivedFunction = {
  function: z.enum(Object.keys(DERIVED_FUNCTIONS) as [DerivedFunctionName, ...DerivedFunctionName[]]),
  /** Features further up in the set, in the order that the function takes them. */
  inputs: z.array(z.string().max(128)).min(1).max(INPUTS_MAX),
  /** Of time_part. */
  part: z.enum(PARTS).optional(),
  /** Of cycle_sin and cycle_cos. */
  cycle: z.enum(Object.keys(CYCLE_MS) as [keyof typeof CYCLE_MS]).optional(),
  /** Of bucket: ascending. */
  edges: z.array(z.number()).min(1).max(EDGES_MAX).optional(),
};

export interface DerivedCall extends DerivedParameters {
  readonly function: DerivedFunctionName;
  readonly inputs: readonly string[];
}

/** What is wrong with a call, as field and message, or undefined. */
export function derivedProblem(call: DerivedCall): readonly [field: string, message: string] | undefined {
  const definition: Definition = DERIVED_FUNCTIONS[call.function];
  if (call.inputs.length !== definition.inputs)
    return ["inputs", `${call.function} takes ${definition.inputs}, not ${call.inputs.length}`];
  for (const parameter of ["part", "cycle", "edges"] as const) {
    const isGiven = call[parameter] !== undefined;
    if (isGiven && definition.needs !== parameter) return [parameter, `not a parameter of ${call.function}`];
    if (!isGiven && definition.needs === parameter) return [parameter, `required by ${call.function}`];
  }
  const { edges = [] } = call;
  const isAscending = edges.every((edge, index) => index === 0 || edge > (edges[index - 1] as number));
  return isAscending ? undefined : ["edges", "must be ascending"];
}

/** Whether the result may be declared an int. */
export function givesIntegers(name: DerivedFunctionName, inputs: "integers" | "numbers"): boolean {
  const { integers }: Definition = DERIVED_FUNCTIONS[name];
  return integers === "always" || (integers === "of integers" && inputs === "integers");
}

/** The value of a derived feature; undefined when an input is missing, is text or not finite, or the result is not finite. */
export function applyDerived(call: DerivedCall, values: readonly Value[]): number | undefined {
  const numbers: number[] = [];
  for (const value of values) {
    if (value === undefined || typeof value === "string" || !Number.isFinite(Number(value))) return undefined;
    numbers.push(Number(value));
  }
  const definition: Definition = DERIVED_FUNCTIONS[call.function];
  const result = definition.apply(numbers, call);
  return Number.isFinite(result) ? result : undefined;
}

/** Weeks begin on Monday; 1970-01-01 was a Thursday. */
function angle(ms: number, cycle: DerivedParameters["cycle"]): number {
  if (cycle === undefined) return Number.NaN;
  const offsetMs = cycle === "week" ? 3 * DAY_MS : 0;
  const length = CYCLE_MS[cycle];
  return (2 * Math.PI * ((((ms + offsetMs) % length) + length) % length)) / length;
}
