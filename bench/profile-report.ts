/** What the profile says: stages of a request, CPU time by component and by function. Pure. */
import type { Chart } from "./chart.ts";
import { byComponent, byFunction, type Frame } from "./cpu-profile.ts";
import type { IcicleFrame } from "./icicle.ts";
import type { LoadResult } from "./load/job.ts";
import { COMPONENT_NAMES, type Component } from "./profile-components.ts";
import { type Report, type Row, round } from "./report.ts";
import { type Counted, meanOf, quantileOf } from "./stage-times.ts";

export const HISTOGRAMS = ["queue", "handover", "inference", "log", "request"] as const;
export type Measured = Readonly<Record<(typeof HISTOGRAMS)[number], Counted>>;

/** In the order in which a request goes through them. */
const STAGE_TEXTS = {
  parse: "body to JSON, head checked (CPU profile)",
  features: "checked and written into the batch (CPU profile)",
  queue: "waits for a worker, beside the requests that are parsed meanwhile",
  handover: "batch to the worker thread, and result back to the main thread",
  copy: "rows into the runtime's tensor (share of inference by the CPU profile)",
  inference: "ONNX Runtime",
  log: "encoded, published to JetStream and acknowledged, with its block",
  respond: "JSON, both sockets and the client: its latency beyond the engine's",
} as const;
type Stage = keyof typeof STAGE_TEXTS;
const STAGES = Object.keys(STAGE_TEXTS) as Stage[];
const FUNCTIONS = 25;
/** Frames that take less of the busy time are left out of the picture. */
const SHARE_MIN = 0.002;

/** One number of connections: a load without the profiler, whose stages are taken, and one with it. */
export interface ProfiledLoad {
  readonly connections: number;
  readonly plain: LoadResult;
  readonly stages: Measured;
  /** CPU of the data plane's process without the profiler, µs per request. */
  readonly cpuUs: number;
  readonly profiled: LoadResult;
  /** Calls by thread, the main thread first. */
  readonly threads: readonly Frame[];
}

export function profileReport(many: ProfiledLoad, one: ProfiledLoad): Report {
  const perRequest = costsOf(many);
  const [main] = many.threads;
  return {
    title: "Where the time of a request goes: one row of 30 features, 100 trees, logged before the answer",
    rows: stageRows([many, one]),
    ratios: ratiosOf(many),
    charts: [
      stageChart([many, one]),
      {
        kind: "bars",
        title:
          `Busy time of the data plane's threads by component, ${many.connections} connections: ` +
          `${round(busyOf(perRequest), 1)} µs a request (without the profiler ${round(many.cpuUs, 1)} µs of CPU)`,
        y: "µs per request",
        bars: COMPONENT_NAMES.map((name) => [name, round(perRequest.get(name) ?? 0)] as const),
      },
      ...(main === undefined ? [] : [callsChart(many, main)]),
    ],
    tables: [
      { title: `The ${FUNCTIONS} functions with the most time of their own`, rows: functionRows(many) },
    ],
    raw: {
      loads: [many, one].map((load) => ({ ...load, threads: undefined })),
      costs: Object.fromEntries(perRequest),
    },
  };
}

/** Busy µs per request. */
function costsOf({ threads, profiled }: ProfiledLoad): Map<Component, number> {
  const sums = byComponent(threads);
  return new Map(COMPONENT_NAMES.map((name) => [name, (sums.get(name) ?? 0) / profiled.latency.count]));
}

function busyOf(costs: ReadonlyMap<Component, number>): number {
  return [...costs.values()].reduce((sum, cost) => sum + cost, 0);
}

/**
 * Means, µs, of the oldest row of a batch, so that they add up. Parsing and features are told by the profile, and taken out of the queue;
 * so is the copying of rows out of the time in the model runtime. What the client saw beyond the engine's own time is `respond`: the
 * answer, both sockets, and the client.
 */
function stagesOf(load: ProfiledLoad): Record<Stage, number> {
  const { stages, plain } = load;
  const mean = (name: keyof Measured): number => meanOf(stages[name]) * 1e6;
  const costs = costsOf(load);
  const cost = (name: Component): number => costs.get(name) ?? 0;
  const copied = cost("copy") / (cost("copy") + cost("inference"));
  return {
    parse: cost("parse"),
    features: cost("features"),
    queue: Math.max(0, mean("queue") - cost("parse") - cost("features")),
    handover: mean("handover"),
    copy: mean("inference") * copied,
    inference: mean("inference") * (1 - copied),
    log: mean("log"),
    respond: Math.max(0, plain.latency.mean * 1e3 - mean("request")),
  };
}

function stageRows(loads: readonly ProfiledLoad[]): Row[] {
  const all = loads.map((load) => ({ load, means: stagesOf(load) }));
  return STAGES.map((stage) => {
    const cells = all.flatMap(({ load, means }): [string, string | number][] => {
      const counted = stage in load.stages ? load.stages[stage as keyof Measured] : undefined;
      const quantile = (share: number): string | number =>
        counted === undefined ? "" : round(quantileOf(counted, share) * 1e6, 0);
      const at = `${load.connections} conn.`;
      return [
        [`${at} µs`, round(means[stage], 1)],
        [`${at} p50`, quantile(0.5)],
        [`${at} p99`, quantile(0.99)],
      ];
    });
    return { stage, ...Object.fromEntries(cells), what: STAGE_TEXTS[stage] };
  });
}

function stageChart(loads: readonly ProfiledLoad[]): Chart {
  return {
    kind: "stacked",
    title: "Time of a request by stage, means",
    unit: "µs",
    parts: STAGES,
    bars: loads.map((load) => {
      const means = stagesOf(load);
      const { connections } = load;
      return {
        name: connections === 1 ? "1 connection" : `${connections} connections, the oldest row of a batch`,
        values: STAGES.map((stage) => round(means[stage], 1)),
      };
    }),
  };
}

function functionRows(load: ProfiledLoad): Row[] {
  const { count } = load.profiled.latency;
  return byFunction(load.threads)
    .filter(({ component }) => component !== "profiler")
    .slice(0, FUNCTIONS)
    .map(({ name, file, component, self }) => ({
      function: name,
      file,
      component,
      "µs per request": round(self / count),
    }));
}

function callsChart({ connections, profiled }: ProfiledLoad, main: Frame): Chart {
  const { count } = profiled.latency;
  const children = main.children.filter(({ component }) => component !== "idle" && component !== "profiler");
  const value = children.reduce((sum, child) => sum + child.value, 0);
  const shown = (frame: Frame): IcicleFrame => ({
    name: frame.name,
    value: frame.value / count,
    group: frame.component,
    children: frame.children
      .filter((child) => child.value >= value * SHARE_MIN)
      .sort((a, b) => b.value - a.value)
      .map(shown),
  });
  return {
    kind: "icicle",
    title: `Calls of the main thread, ${connections} connections: as wide as their time`,
    unit: "µs per request",
    groups: COMPONENT_NAMES,
    root: shown({ name: "main thread", file: "", component: "other", self: 0, value, children }),
  };
}

function ratiosOf(load: ProfiledLoad): Record<string, number> {
  const costs = costsOf(load);
  const shares = COMPONENT_NAMES.map((name) => [name, (costs.get(name) ?? 0) / busyOf(costs)] as const)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 5)
    .map(([name, share]) => [`${name}, of the busy time`, round(share)]);
  return {
    "rate with the profiler / without": round(load.profiled.rate / load.plain.rate),
    "busy time by the profile / CPU time by the kernel": round(busyOf(costs) / load.cpuUs),
    ...Object.fromEntries(shares),
  };
}
