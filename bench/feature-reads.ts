/**
 * Reading features over HTTP: one entity with 50 features against a bare HMGET of the same values by ioredis, both over one
 * connection, one after the other, and against Feast's server over the same Redis.
 *
 * Entities are asked for in turn, so the local cache has none of them: every reading goes to Redis.
 */
import { FEAST_PATH, feastRequest, feastValues, startFeast } from "./feast.ts";
import type { FeatureEngine } from "./feature-engine.ts";
import { type Figure, msText } from "./feature-figure.ts";
import { type BenchSet, MIXED, WIDE } from "./feature-sets.ts";
import { OneConnection } from "./one-connection.ts";
import type { Peer } from "./peer.ts";
import { type Percentiles, percentilesOf } from "./percentiles.ts";
import { round } from "./report.ts";

export const ENTITIES = 1_000;
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

/** Body of a request for entities by their index. */
export function askFor({ name }: BenchSet, indexes: readonly number[]): string {
  return JSON.stringify({ feature_set: name, entities: indexes.map((index) => `e${index}`) });
}

/** p50 and p99 of one entity at a time. */
export async function measureOne(bench: FeatureEngine, echo: Peer, seconds: number): Promise<Figure[]> {
  const fields = WIDE.features.map(({ name }) => String(name));
  const { host, port } = bench.redis.options;
  // before the connections: servers close those that are idle while it starts
  const feast = await startFeast(`${host}:${port}`, ENTITIES, fields.length);
  const http = await OneConnection.open(bench.engine.httpUrl);
  const bare = await OneConnection.open(echo.url);
  const answer = await http.post("/features/online", askFor(WIDE, [0]));
  const served = feast && (await OneConnection.open(feast.url));
  if (served !== undefined) checkSame(answer, await served.post(FEAST_PATH, feastRequest(0)));
  const subjects: Record<string, (index: number) => Promise<unknown>> = {
    hmget: async (index) => bench.redis.hmget(`bench:e${index}`, ...fields),
    echo: async () => JSON.parse(await bare.post("/predict", answer)) as unknown,
    wide: async (index) => JSON.parse(await http.post("/features/online", askFor(WIDE, [index]))) as unknown,
    mixed: async (index) =>
      JSON.parse(await http.post("/features/online", askFor(MIXED, [index]))) as unknown,
    ...(served && {
      feast: async (index) => JSON.parse(await served.post(FEAST_PATH, feastRequest(index))) as unknown,
    }),
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
  for (const connection of [http, bare, served]) connection?.close();
  await feast?.stop();
  return oneFigures(samples, answer.length);
}

/** @throws Error when the peer serves other values than we do. */
function checkSame(answer: string, theirs: string): void {
  const { features, results } = JSON.parse(answer) as Answer;
  const values = feastValues(theirs);
  const other = features.find((name, index) => values.get(name) !== results[0]?.values[index]);
  if (other !== undefined) throw new Error(`Feast serves another ${other}: ${theirs.slice(0, 300)}`);
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
    ...(samples.has("feast") ? besideFeast(of("wide"), of("feast")) : []),
  ];
}

function besideFeast(own: Percentiles, feast: Percentiles): Figure[] {
  return (["p50", "p99"] as const).map((at) => ({
    what: `1 × 50 last values over HTTP / Feast's online server over Redis, ${at}`,
    measured: msText(own),
    ceiling: msText(feast),
    ratio: round(own[at] / feast[at], 3),
    better: "lower",
  }));
}
