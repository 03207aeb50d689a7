/** What the HTTP benchmark says of its loads: a table, ratios, plots. Pure. */
import type { Chart } from "./chart.ts";
import { type GeneratorCeiling, generatorRows } from "./generator-ceiling.ts";
import type { LoadResult } from "./load/job.ts";
import type { Settled } from "./load/settled.ts";
import { failuresOf, settledText } from "./load/subject.ts";
import { type Report, type Row, round } from "./report.ts";

export const CONNECTIONS = 64;
/** The highest rate is that at which p99 is within this. */
export const P99_LIMIT_MS = 10;
/** The subject that is what users get. */
export const ENGINE = "log before";

const PARTS: Readonly<Record<string, string>> = {
  dataPlane: "data plane",
  controlPlane: "control plane",
  clickhouse: "ClickHouse",
  nats: "NATS",
};

export interface ByLoad {
  /** Open loops at shares of the closed loop's rate. */
  readonly points: readonly { readonly share: number; readonly result: LoadResult }[];
  /** Requests per second within the limit of p99. */
  readonly highest: number;
}

export interface HttpLoads {
  readonly generator: GeneratorCeiling;
  /** Closed loops by subject: over 64 connections, over one. */
  readonly many: Readonly<Record<string, Settled<LoadResult>>>;
  readonly one: Readonly<Record<string, Settled<LoadResult>>>;
  readonly byLoad: ByLoad;
  /** CPU time per request by part of the engine, µs. */
  readonly cost: Readonly<Record<string, number>>;
}

export function httpReport(loads: HttpLoads): Report {
  return {
    title: `HTTP, one row of 30 features, 100 trees, ${CONNECTIONS} connections`,
    rows: [...generatorRows(loads.generator, rateOf(loads, "echo")), ...closedRows(loads)],
    ratios: ratiosOf(loads),
    charts: chartsOf(loads),
    tables: [
      { title: `${ENGINE}, open loop at shares of its rate in the closed loop`, rows: openRows(loads) },
    ],
    raw: { ...loads },
  };
}

function rateOf({ many }: HttpLoads, name: string): number {
  return many[name]?.result.rate ?? Number.NaN;
}

function aloneOf({ one }: HttpLoads, name: string): number {
  return one[name]?.result.latency.p50 ?? Number.NaN;
}

function closedRows(loads: HttpLoads): Row[] {
  return Object.entries(loads.many).map(([name, settled]) => ({
    subject: name,
    "requests/s": Math.round(settled.result.rate),
    "of echo": round(settled.result.rate / rateOf(loads, "echo")),
    "p50 ms": round(settled.result.latency.p50),
    "p99 ms": round(settled.result.latency.p99),
    "1 connection p50 ms": round(aloneOf(loads, name), 3),
    windows: settledText(settled),
    failed: failuresOf(settled.result),
    "generator's cores": round(settled.result.cores),
  }));
}

function openRows({ byLoad }: HttpLoads): Row[] {
  return byLoad.points.map(({ share, result }) => ({
    load: `${share * 100} %`,
    "requests/s": Math.round(result.rate),
    "p50 ms": round(result.latency.p50),
    "p99 ms": round(result.latency.p99),
    "p99.9 ms": round(result.latency.p999),
    "sent late, p99 ms": round(result.late.p99),
    failed: failuresOf(result),
    "generator's cores": round(result.cores),
  }));
}

function ratiosOf(loads: HttpLoads): Record<string, number> {
  const { points, highest } = loads.byLoad;
  const half = points.find(({ share }) => share === 0.5)?.result.latency;
  const rate = rateOf(loads, ENGINE);
  return {
    "log before / echo, 64 connections (goal ≥ 0.7)": round(rate / rateOf(loads, "echo")),
    "log before / log after (higher is better)": round(rate / rateOf(loads, "log after")),
    "echo / generator's own ceiling": round(rateOf(loads, "echo") / loads.generator.one.result.rate),
    "added to the echo at 1 connection, p50 ms (goal ≤ 0.2)": round(
      aloneOf(loads, ENGINE) - aloneOf(loads, "echo"),
      3,
    ),
    "open loop at half of the maximum, p99 ms (goal ≤ 5)": round(half?.p99 ?? Number.NaN),
    "open loop at half of the maximum, p99.9 ms (goal ≤ 20)": round(half?.p999 ?? Number.NaN),
    [`highest rate with p99 ≤ ${P99_LIMIT_MS} ms, of the maximum`]: round(highest / rate),
  };
}

function chartsOf(loads: HttpLoads): Chart[] {
  const names = { p50: "p50", p99: "p99", p999: "p99.9" } as const;
  return [
    {
      kind: "lines",
      title: "Latency by load, open loop, from the time a request was due",
      x: "requests per second",
      y: "ms",
      isLogY: true,
      lines: (Object.keys(names) as (keyof typeof names)[]).map((name) => ({
        name: names[name],
        points: loads.byLoad.points.map(({ result }) => [result.rate, result.latency[name]] as const),
      })),
    },
    {
      kind: "bars",
      title: `Requests per second, closed loop, ${CONNECTIONS} connections`,
      y: "requests per second",
      bars: Object.keys(loads.many).map((name) => [name, Math.round(rateOf(loads, name))] as const),
    },
    {
      kind: "bars",
      title: "CPU time of a request by component",
      y: "µs",
      bars: Object.entries(loads.cost).map(([part, cost]) => [PARTS[part] ?? part, cost] as const),
    },
  ];
}
