/**
 * HTTP: one row of 30 features, 100 trees. Against a bare JSON echo, peers where they are installed, and with the log before, after and
 * without the answer, all in one run. Everything shares the same cores: load, engine, NATS, sink, ClickHouse.
 */
import { engineCpu } from "./cpu.ts";
import { measureGenerator } from "./generator-ceiling.ts";
import { type ByLoad, CONNECTIONS, ENGINE, httpReport, P99_LIMIT_MS } from "./http-report.ts";
import { highestRate } from "./load/highest-rate.ts";
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import type { Settled } from "./load/settled.ts";
import { closedLoops, openLoop, type Subject } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Report, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const OPEN_CONNECTIONS = 256;
const SHARES = [0.1, 0.25, 0.5, 0.75, 0.9] as const;

export async function benchHttp(seconds: number): Promise<Report> {
  const bodies = [await requestBody()];
  const generator = await measureGenerator(bodies, CONNECTIONS, seconds);
  const echo = await startPeer("echo-server.js");
  const withoutLog = await startPeer("engine-without-log.js");
  await using before = await startBenchEngine({ MILLRACE_LOG_ACK: "before-response" });
  await using after = await startBenchEngine({ MILLRACE_LOG_ACK: "after-response" });
  const subjectOf = (name: string, url: string): Subject => ({ name, url: `${url}/predict`, bodies });
  const engine = subjectOf(ENGINE, before.httpUrl);
  const subjects = [
    subjectOf("echo", echo.url),
    subjectOf("no log", withoutLog.url),
    subjectOf("log after", after.httpUrl),
    engine,
  ];
  const many = await closedLoops(subjects, CONNECTIONS, seconds);
  const one = await closedLoops(subjects, 1, seconds);
  echo.stop();
  withoutLog.stop();
  const cost = await costOf(engine, before.pid, seconds);
  const byLoad = await loadedAt(engine, (many[ENGINE] as Settled<LoadResult>).result.rate, seconds);
  return httpReport({ generator, many, one, byLoad, cost });
}

/** CPU time per request by part, µs. */
async function costOf(
  { url, bodies }: Subject,
  pid: number,
  seconds: number,
): Promise<Record<string, number>> {
  const start = { ...engineCpu(pid) } as Record<string, number>;
  const { latency } = await runLoad({ url, bodies, connections: CONNECTIONS, seconds });
  const end = { ...engineCpu(pid) } as Record<string, number>;
  return Object.fromEntries(
    Object.keys(end).map((part) => [
      part,
      round((((end[part] ?? 0) - (start[part] ?? 0)) * 1000) / latency.count, 1),
    ]),
  );
}

async function loadedAt(engine: Subject, maximum: number, seconds: number): Promise<ByLoad> {
  const options = { connections: OPEN_CONNECTIONS, seconds };
  const points: ByLoad["points"][number][] = [];
  for (const share of SHARES)
    points.push({ share, result: await openLoop(engine, share * maximum, options) });
  const { url, bodies } = engine;
  const { rate } = await highestRate(
    maximum,
    async (asked) => runLoad({ url, bodies, ...options, rate: asked }),
    ({ latency, unsent }) => latency.p99 <= P99_LIMIT_MS && unsent === 0,
  );
  return { points, highest: rate };
}
