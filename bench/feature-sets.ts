/** The feature sets of the benchmarks: their entities have events of fields f0, f1, ... */

type Json = Record<string, unknown>;

function online(count: number): Json[] {
  return Array.from({ length: count }, (_, index) => ({ name: `f${index}`, kind: "online" }));
}

/** Aggregations of f0, f1, ..., no two of the same column. */
function windows(window: string, aggregations: readonly string[]): Json[] {
  return aggregations.map((aggregation, index) => ({
    name: `${aggregation}${index}_${window}`,
    kind: "window",
    aggregation,
    window,
    ...(aggregation === "count" ? {} : { field: `f${index}` }),
  }));
}

export interface BenchSet extends Json {
  readonly name: string;
  readonly version: string;
  readonly entity: { readonly type: string; readonly key: string };
  readonly features: readonly Json[];
}

function set(type: string, features: readonly Json[]): BenchSet {
  return { name: type, version: "1.0.0", entity: { type, key: `${type}_id` }, lateness: "7d", features };
}

/** 50 last values. */
export const WIDE = set("wide", online(50));
/** 40 last values and 10 windows. */
export const MIXED = set("mixed", [
  ...online(40),
  ...windows("1h", ["sum", "mean", "max", "count", "stddev"]),
  ...windows("24h", ["sum", "mean", "max", "count", "stddev"]),
]);
/** 20 last values and 5 windows: what the model takes. With defaults: a reading that Redis is late for fails no row. */
export const PAYER = set(
  "payer",
  [...online(20), ...windows("1h", ["sum", "mean", "max", "count", "stddev"])].map((feature) => ({
    ...feature,
    default: 0,
  })),
);
/** Three windows of three lengths, and what an event is told by when it is seen. */
export const FLOW = set("flow", [
  ...windows("1h", ["sum"]),
  ...windows("24h", ["mean"]),
  ...windows("7d", ["max"]),
  { name: "mark", kind: "online" },
]);
/** The same three windows, short and long. */
export const SHORT = set("short", windows("1h", ["sum", "mean", "max"]));
export const LONG = set("long", windows("30d", ["sum", "mean", "max"]));

export const SETS: readonly BenchSet[] = [WIDE, MIXED, PAYER, FLOW, SHORT, LONG];
