/**
 * HTTP: one row of 30 features, 100 trees. Against a bare JSON echo, and with the log before, after and without the
 * answer, all in one run. Everything runs on the same cores: load, engine, NATS, sink, ClickHouse.
 */
import { median } from "simple-statistics";
import { cpuMsOf, engineCpu } from "./cpu.ts";
import { startPeer } from "./peer.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";
import { type LoadResult, requireWrk, runLoad } from "./wrk.ts";

const CONNECTIONS = 64;
const ROUNDS = 3;
const WARM_UP_SECONDS = 3;

interface Subject {
  readonly name: string;
  readonly url: string;
  /** CPU time of its parts so far, ms. */
  readonly cpu: () => Record<string, number>;
}

interface Measured {
  readonly many: LoadResult[];
  readonly one: LoadResult[];
  /** CPU time per request by part, µs, at 64 connections. */
  readonly cpuMicros: Record<string, number>[];
}

/** Rounds go through all subjects in turn, so that a slow minute of the machine falls on all of them. */
export async function benchHttp(seconds: number): Promise<Report> {
  requireWrk();
  const body = await requestBody();
  const echo = await startPeer("echo-server.js");
  const withoutLog = await startPeer("engine-without-log.js");
  await using before = await startBenchEngine({ MILLRACE_LOG_ACK: "before-response" });
  await using after = await startBenchEngine({ MILLRACE_LOG_ACK: "after-response" });
  const subjects: Subject[] = [
    { name: "echo", url: echo.url, cpu: () => ({ dataPlane: cpuMsOf(echo.pid) }) },
    { name: "no log", url: withoutLog.url, cpu: () => ({ dataPlane: cpuMsOf(withoutLog.pid) }) },
    { name: "log after", url: after.httpUrl, cpu: () => ({ ...engineCpu(after.pid) }) },
    { name: "log before", url: before.httpUrl, cpu: () => ({ ...engineCpu(before.pid) }) },
  ];
  const measured = new Map<string, Measured>(
    subjects.map(({ name }) => [name, { many: [], one: [], cpuMicros: [] }]),
  );
  for (const { url } of subjects)
    await runLoad({ url: `${url}/predict`, body, connections: CONNECTIONS, seconds: WARM_UP_SECONDS });
  for (let turn = 0; turn < ROUNDS; turn++) {
    for (const subject of subjects)
      await measure(subject, body, seconds, measured.get(subject.name) as Measured);
  }
  echo.stop();
  withoutLog.stop();
  return toReport(measured);
}

async function measure({ url, cpu }: Subject, body: string, seconds: number, into: Measured): Promise<void> {
  const start = cpu();
  const many = await runLoad({ url: `${url}/predict`, body, connections: CONNECTIONS, seconds });
  const end = cpu();
  into.many.push(many);
  into.cpuMicros.push(
    Object.fromEntries(
      Object.keys(end).map((part) => [
        part,
        (((end[part] ?? 0) - (start[part] ?? 0)) * 1000) / many.requests,
      ]),
    ),
  );
  into.one.push(
    await runLoad({
      url: `${url}/predict`,
      body,
      connections: 1,
      seconds: Math.max(2, Math.ceil(seconds / 2)),
    }),
  );
}

function toReport(measured: ReadonlyMap<string, Measured>): Report {
  const rate = (name: string): number =>
    median((measured.get(name) as Measured).many.map((load) => load.requestsPerSecond));
  const rows = [...measured].map(([name, { many, one, cpuMicros }]) => ({
    subject: name,
    "requests/s": Math.round(rate(name)),
    "of echo": round(rate(name) / rate("echo")),
    "p99 ms": round(median(many.map((load) => load.p99Ms))),
    "1 conn p50 ms": round(median(one.map((load) => load.p50Ms)), 3),
    "CPU µs/request": Object.entries(averages(cpuMicros))
      .map(([part, micros]) => `${part} ${round(micros, 1)}`)
      .join(", "),
    errors: many.reduce((sum, load) => sum + load.errors, 0),
  }));
  const cpu = (name: string): number =>
    averages((measured.get(name) as Measured).cpuMicros)["dataPlane"] ?? 0;
  const ratios = {
    "log before / echo (goal ≥ 0.5)": round(rate("log before") / rate("echo")),
    "log before / log after (goal ≥ 0.9)": round(rate("log before") / rate("log after")),
    "data plane CPU per request, log before / no log (goal ≤ 1.1)": round(cpu("log before") / cpu("no log")),
    "1 connection p50 ms, log before (goal < 0.5)": round(
      median((measured.get("log before") as Measured).one.map((load) => load.p50Ms)),
      3,
    ),
  };
  return { title: "HTTP, one row of 30 features, 100 trees, 64 connections", rows, ratios };
}

function averages(samples: readonly Record<string, number>[]): Record<string, number> {
  return Object.fromEntries(
    Object.keys(samples[0] ?? {}).map((part) => [part, median(samples.map((sample) => sample[part] ?? 0))]),
  );
}
