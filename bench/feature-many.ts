/** Reading features of 100 entities over HTTP under load, against bare pipelines of HMGET and an echo of the same bytes. */
import { cpuMsOf, engineCpu } from "./cpu.ts";
import type { FeatureEngine } from "./feature-engine.ts";
import type { Figure } from "./feature-figure.ts";
import { measurePipelines } from "./feature-pipeline.ts";
import { askFor, ENTITIES } from "./feature-reads.ts";
import { MIXED, WIDE } from "./feature-sets.ts";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import type { Peer } from "./peer.ts";
import { round } from "./report.ts";

const MANY = 100;
/** As many under way as the connections that they are held against. */
const PIPELINES = 4;

/** Requests per second and p99 of 100 entities at a time, by number of connections. */
export async function measureMany(bench: FeatureEngine, echo: Peer, seconds: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  const before = await bench.unavailable();
  let wideRate = 0;
  for (const [set, connections] of [
    [WIDE, 1],
    [WIDE, 4],
    [MIXED, 4],
    [WIDE, 16],
  ] as const) {
    const bodies = Array.from({ length: ENTITIES / MANY }, (_, group) =>
      askFor(
        set,
        Array.from({ length: MANY }, (_, index) => group * MANY + index),
      ),
    );
    const url = `${bench.engine.httpUrl}/features/online`;
    const cpuBefore = engineCpu(bench.engine.pid).dataPlane;
    const load = await runLoad({ url, bodies, connections, seconds });
    const cpuMs = (engineCpu(bench.engine.pid).dataPlane - cpuBefore) / load.latency.count;
    const what = `${MANY} entities × ${set.features.length} features${set === MIXED ? " (10 windows)" : ""}, ${connections} connections`;
    const rate = Math.round(load.rate);
    if (set === WIDE && connections === PIPELINES) wideRate = load.rate;
    figures.push({
      what: `${what}, requests/s`,
      measured: rate,
      ceiling: `errors ${failuresOf(load)}, CPU ${round(cpuMs, 2)} ms each`,
      goal: "≥ 500",
    });
    figures.push({ what: `${what}, p99 ms`, measured: round(load.latency.p99), goal: "< 10" });
  }
  figures.push(await pipelinesOfMany(bench, wideRate, seconds), await echoOfMany(bench, echo, seconds));
  const unavailable = (await bench.unavailable()) - before;
  return [...figures, { what: "entities served with defaults, as Redis was late", measured: unavailable }];
}

/** What Redis and its client alone do. */
async function pipelinesOfMany(bench: FeatureEngine, served: number, seconds: number): Promise<Figure> {
  const fields = WIDE.features.map(({ name }) => String(name));
  const keysOf = (turn: number): string[] =>
    Array.from({ length: MANY }, (_, index) => `bench:e${(turn * MANY + index) % ENTITIES}`);
  const bare = await measurePipelines(bench.redis, { keysOf, fields }, PIPELINES, seconds);
  return {
    what: `${MANY} entities × 50 features over HTTP / bare pipelined HMGET, ${PIPELINES} at once`,
    measured: Math.round(served),
    ceiling: `${Math.round(bare.rate)} pipelines/s, p99 ${round(bare.p99Ms)} ms`,
    ratio: round(served / bare.rate),
    better: "higher",
  };
}

/** What HTTP alone does with answers of that size. */
async function echoOfMany(bench: FeatureEngine, echo: Peer, seconds: number): Promise<Figure> {
  const indexes = Array.from({ length: MANY }, (_, index) => index);
  const response = await bench.engine.post("/features/online", askFor(WIDE, indexes));
  const body = await response.text();
  const cpuBefore = cpuMsOf(echo.pid);
  const load = await runLoad({ url: `${echo.url}/predict`, bodies: [body], connections: 4, seconds });
  const cpuMs = (cpuMsOf(echo.pid) - cpuBefore) / load.latency.count;
  return {
    what: `bare HTTP echo of that answer (${body.length} bytes), 4 connections, requests/s`,
    measured: Math.round(load.rate),
    ceiling: `p99 ${round(load.latency.p99)} ms, CPU ${round(cpuMs, 2)} ms each`,
  };
}
