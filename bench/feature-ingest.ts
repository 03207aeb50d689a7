/**
 * Ingest: events per second with three windows each over 100,000 entities, live (producer, stream, sink and ClickHouse
 * beside it) and as a rebuild of an empty Redis from the stream; and for windows of 1 h against 30 d.
 */
import { engineCpu } from "./cpu.ts";
import type { FeatureEngine } from "./feature-engine.ts";
import type { Figure } from "./feature-figure.ts";
import { FLOW, LONG, SHORT } from "./feature-sets.ts";
import { round } from "./report.ts";

export const ENTITIES = 100_000;
const EVENTS_PER_SECOND_OF_BENCH = 30_000;
const GOAL_PER_SECOND = 30_000;
const DAY_MS = 86_400_000;
/** As far back as events may be: they fall into many tiles. */
const SPREAD_MS = { [FLOW.name]: 6 * DAY_MS, [SHORT.name]: DAY_MS / 24, [LONG.name]: 6 * DAY_MS };

export interface IngestResult {
  readonly figures: readonly Figure[];
  /** Events per second that were ingested while they were published. */
  readonly livePerSecond: number;
}

interface Ingested {
  readonly perSecond: number;
  /** CPU time per event, µs: of the control plane, that is ingester and sink, and of NATS. */
  readonly cpu: string;
}

export async function measureIngest(bench: FeatureEngine, seconds: number): Promise<IngestResult> {
  const events = EVENTS_PER_SECOND_OF_BENCH * seconds;
  await live(bench, FLOW.name, Math.min(ENTITIES, events)); // warms up
  const flow = await live(bench, FLOW.name, events);
  const short = await live(bench, SHORT.name, events / 2);
  const long = await live(bench, LONG.name, events / 2);
  await bench.untilStored();
  const rebuilt = await rebuild(bench);
  const figures: Figure[] = [
    {
      what: `ingest, live, 3 windows, ${ENTITIES} entities, events/s`,
      measured: Math.round(flow.perSecond),
      ceiling: `published ${Math.round(flow.publishedPerSecond)}; ${flow.cpu}`,
      ratio: round(flow.perSecond / flow.publishedPerSecond),
      goal: `≥ ${GOAL_PER_SECOND}/s, or all that is published`,
    },
    {
      what: `rebuild of an empty Redis from ${rebuilt.events} events, events/s`,
      measured: Math.round(rebuilt.perSecond),
      ceiling: rebuilt.cpu,
      goal: `≥ ${GOAL_PER_SECOND}/s`,
    },
    {
      what: "ingest, live, 3 windows of 30 d against 1 h, events/s",
      measured: Math.round(long.perSecond),
      ceiling: Math.round(short.perSecond),
      ratio: round(long.perSecond / short.perSecond),
      goal: "near 1",
    },
  ];
  return { figures, livePerSecond: flow.perSecond };
}

async function live(
  bench: FeatureEngine,
  entityType: string,
  events: number,
): Promise<Ingested & { readonly publishedPerSecond: number }> {
  const before = await bench.streamSeq();
  const spreadMs = SPREAD_MS[entityType] ?? 0;
  const publishing = bench.publish({
    entityType,
    events,
    entities: ENTITIES,
    order: "random",
    fields: 3,
    spreadMs,
  });
  await bench.until(async () => ((await bench.ingestedSeq()) ?? 0) > before);
  let tookMs = 0;
  const ingested = await timed(bench, events, async () => {
    tookMs = (await publishing).tookMs;
    await bench.untilIngested();
  });
  return { ...ingested, publishedPerSecond: (events * 1000) / tookMs };
}

/** Redis is emptied: the ingester notices, and begins at the beginning of the stream. */
async function rebuild(bench: FeatureEngine): Promise<Ingested & { readonly events: number }> {
  const events = await bench.streamSeq();
  await bench.redis.flushall();
  await bench.until(async () => (await bench.ingestedSeq()) !== undefined);
  return { events, ...(await timed(bench, events, async () => bench.untilIngested())) };
}

async function timed(
  { engine }: FeatureEngine,
  events: number,
  work: () => Promise<void>,
): Promise<Ingested> {
  const before = engineCpu(engine.pid);
  const startedMs = performance.now();
  await work();
  const perSecond = (events * 1000) / (performance.now() - startedMs);
  const after = engineCpu(engine.pid);
  const micros = (role: "controlPlane" | "nats"): number =>
    round(((after[role] - before[role]) * 1000) / events, 1);
  return { perSecond, cpu: `CPU µs/event: control plane ${micros("controlPlane")}, NATS ${micros("nats")}` };
}
