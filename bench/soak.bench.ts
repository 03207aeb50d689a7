/** Half of the maximum, window by window: whether memory and latency stay flat. 60 windows of `--seconds`, so that 60 make an hour. */
import { pidOf, residentBytes } from "../test/support/processes.ts";
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import { closedLoops, failuresOf } from "./load/subject.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const CONNECTIONS = 64;
const CLOSED_SECONDS = 3;
const WINDOWS = 60;
const MIB = 1024 * 1024;

interface Window {
  readonly dataPlaneMib: number;
  readonly controlPlaneMib: number;
  readonly load: LoadResult;
}

export async function benchSoak(seconds: number): Promise<Report> {
  await using engine = await startBenchEngine();
  const subject = { name: "engine", url: `${engine.httpUrl}/predict`, bodies: [await requestBody()] };
  const closed = (await closedLoops([subject], CONNECTIONS, CLOSED_SECONDS))[subject.name];
  const rate = (closed?.result.rate ?? 0) / 2;
  const windows: Window[] = [];
  const { url, bodies } = subject;
  for (let window = 1; window <= WINDOWS; window++) {
    const load = await runLoad({
      url,
      bodies,
      connections: 256,
      seconds,
      rate,
      seed: window,
    });
    const dataPlaneMib = residentBytes(engine.pid) / MIB;
    const control = pidOf(engine, "control");
    const controlPlaneMib = control === undefined ? 0 : residentBytes(control) / MIB;
    windows.push({ dataPlaneMib, controlPlaneMib, load });
  }
  return toReport(windows, seconds, rate);
}

/** The last quarter against the second one: the first is where heaps and caches grow to what the load needs. */
function toReport(windows: readonly Window[], seconds: number, rate: number): Report {
  const quarter = Math.floor(windows.length / 4);
  const mean = (from: number, of: (window: Window) => number): number => {
    const some = windows.slice(from, from + quarter);
    return some.reduce((sum, window) => sum + of(window), 0) / some.length;
  };
  const ratio = (of: (window: Window) => number): number =>
    round(mean(windows.length - quarter, of) / mean(quarter, of));
  const failed = windows.reduce((sum, { load }) => sum + failuresOf(load), 0);
  const points = (of: (window: Window) => number) =>
    windows.map((window, index) => [(index + 1) * seconds, of(window)] as const);
  return {
    title: `${seconds * windows.length} s at ${Math.round(rate)} requests/s, half of the maximum`,
    rows: [],
    ratios: {
      "memory of the data plane, last quarter / second (lower is better)": ratio(
        ({ dataPlaneMib }) => dataPlaneMib,
      ),
      "memory of the control plane, last quarter / second (lower is better)": ratio(
        ({ controlPlaneMib }) => controlPlaneMib,
      ),
      "p99, last quarter / second (lower is better)": ratio(({ load }) => load.latency.p99),
      "failed requests (goal 0)": failed,
    },
    charts: [
      {
        kind: "lines",
        title: "Resident memory",
        x: "seconds",
        y: "MiB",
        lines: [
          { name: "data plane", points: points(({ dataPlaneMib }) => dataPlaneMib) },
          { name: "control plane", points: points(({ controlPlaneMib }) => controlPlaneMib) },
        ],
      },
      {
        kind: "lines",
        title: "Latency, from the time a request was due",
        x: "seconds",
        y: "ms",
        lines: [
          { name: "p50", points: points(({ load }) => load.latency.p50) },
          { name: "p99", points: points(({ load }) => load.latency.p99) },
        ],
      },
    ],
    raw: { windows },
  };
}
