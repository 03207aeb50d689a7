/**
 * Reading features over HTTP: one entity with 50 features against a bare HMGET of the same values by ioredis, both over one
 * connection, one after the other; and 100 entities with 50 features under load.
 *
 * Entities are asked for in turn, so the local cache has none of them: every reading goes to Redis.
 */
import { cpuMsOf, engineCpu } from "./cpu.ts";
import type { FeatureEngine } from "./feature-engine.ts";
import { type Figure, msText } from "./feature-figure.ts";
import { measurePipelines } from "./feature-pipeline.ts";
import { type BenchSet, MIXED, WIDE } from "./feature-sets.ts";
import { runLoad } from "./load/run-load.ts";
import { failuresOf } from "./load/subject.ts";
import { OneConnection } from "./one-connection.ts";
import type { Peer } from "./peer.ts";
import { percentilesOf } from "./percentiles.ts";
import { round } from "./report.ts";

const ENTITIES = 1_000;
const MANY = 100;
/** As many under way as the connections that they are held against. */
const PIPELINES = 4;
const ROUNDS = 10;
const CALLS_PER_SECOND = 625;
const MIXED_EVENTS_EACH = 20;
const DAY_MS = 86_400_000;

interface Answer {
  readonly features: readonly string[];
  readonly results: readonly { readonly values: readonly unknown[]; readonly status?: unknown }[];
}

/** Gives every entity its values, and Redis the same as hashes. */
export async function fillReads(bench: FeatureEngine): Promise<void> {
  const common = { entities: ENTITIES, order: "in turn" } as const;
  await bench.publish({ ...common, entityType: WIDE.name, events: ENTITIES, fields: 50, spreadMs: 0 });
  const events = ENTITIES * MIXED_EVENTS_EACH;
  await bench.publish({ ...common, entityType: MIXED.name, events, fields: 40, spreadMs: DAY_MS });
  await bench.untilIngested();
  await bench.untilStored();
  const connection = await OneConnection.open(bench.engine.httpUrl);
  for (let index = 0; index < ENTITIES; index++) {
    const answer = JSON.parse(await connection.post("/features/online", askFor(WIDE, [index]))) as Answer;
    const [row] = answer.results;
    if (row === undefined || row.status !== undefined) throw new Error("an entity is without its values");
    const fields = answer.features.map((name, at) => [name, String(row.values[at])]);
    await bench.redis.hset(`bench:e${index}`, Object.fromEntries(fields) as Record<string, string>);
  }
  connection.close();
}

function askFor({ name }: BenchSet, indexes: readonly number[]): string {
  return JSON.stringify({ feature_set: name, entities: indexes.map((index) => `e${index}`) });
}

/** p50 and p99 of one entity at a time. */
export async function measureOne(bench: FeatureEngine, echo: Peer, seconds: number): Promise<Figure[]> {
  const http = await OneConnection.open(bench.engine.httpUrl);
  const bare = await OneConnection.open(echo.url);
  const fields = WIDE.features.map(({ name }) => String(name));
  const answer = await http.post("/features/online", askFor(WIDE, [0]));
  const subjects: Record<string, (index: number) => Promise<unknown>> = {
    hmget: async (index) => bench.redis.hmget(`bench:e${index}`, ...fields),
    echo: async () => JSON.parse(await bare.post("/predict", answer)) as unknown,
    wide: async (index) => JSON.parse(await http.post("/features/online", askFor(WIDE, [index]))) as unknown,
    mixed: async (index) =>
      JSON.parse(await http.post("/features/online", askFor(MIXED, [index]))) as unknown,
  };
  const samples = new Map(Object.keys(subjects).map((name) => [name, [] as number[]]));
  const calls = Math.max(100, Math.round((CALLS_PER_SECOND * seconds) / ROUNDS));
  for (let turn = -1; turn < ROUNDS; turn++) {
    for (const [name, call] of Object.entries(subjects)) {
      for (let index = 0; index < calls; index++) {
        const startedMs = performance.now();
        await call((turn * calls + index + calls) % ENTITIES);
        if (turn >= 0) samples.get(name)?.push(performance.now() - startedMs);
      }
    }
  }
  http.close();
  bare.close();
  return oneFigures(samples, answer.length);
}

function oneFigures(samples: ReadonlyMap<string, readonly number[]>, bytes: number): Figure[] {
  const of = (name: string) => percentilesOf(samples.get(name) ?? []);
  const ceiling = msText(of("hmget"));
  const ratio = (name: string): number => round(of(name).p99 / of("hmget").p99);
  const compared = (what: string, name: string): Figure => ({
    what,
    measured: msText(of(name)),
    ceiling,
    ratio: ratio(name),
  });
  return [
    { ...compared("1 × 50 last values over HTTP; HMGET of 50", "wide"), goal: "p99 ≤ 1.5 ×" },
    { ...compared("1 × 40 last values and 10 windows; HMGET of 50", "mixed"), goal: "p99 ≤ 1.5 ×" },
    compared(`bare HTTP echo of the answer's ${bytes} bytes; HMGET of 50`, "echo"),
  ];
}

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
