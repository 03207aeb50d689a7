/**
 * From the acknowledgement of an event to its first sight over HTTP, at half of the rate that the ingester can keep: one
 * entity gets a number every 20 ms among the load, and one connection asks for it all the time. What the local cache holds
 * back (MILLRACE_FEATURE_CACHE_MS, 10 unless set) is part of it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import type { FeatureEngine } from "./feature-engine.ts";
import { type Figure, msText } from "./feature-figure.ts";
import { ENTITIES } from "./feature-ingest.ts";
import { FLOW } from "./feature-sets.ts";
import { OneConnection } from "./one-connection.ts";
import { percentilesOf } from "./percentiles.ts";
import { round } from "./report.ts";

const PROBE_EVERY_MS = 20;
const GOAL_MS = 50;
const SETTLE_MS = 500;

export async function measureVisible(
  bench: FeatureEngine,
  perSecond: number,
  seconds: number,
): Promise<Figure[]> {
  const events = Math.round(perSecond * (seconds + 1));
  const load = bench.publish({
    entityType: FLOW.name,
    events,
    entities: ENTITIES,
    order: "random",
    fields: 3,
    spreadMs: 0,
    perSecond,
  });
  await delay(SETTLE_MS);
  const { httpMs, redisMs } = await probe(bench, Math.round((seconds * 1000) / PROBE_EVERY_MS));
  const { tookMs } = await load;
  const found = percentilesOf(httpMs);
  return [
    {
      what: `event to visible at ${Math.round((events * 1000) / tookMs)} events/s, ${found.samples} probes; of it until Redis has it`,
      measured: msText(found),
      ceiling: msText(percentilesOf(redisMs)),
      ratio: round(found.p99 / GOAL_MS),
      goal: "p99 < 50 ms: below 1",
    },
  ];
}

interface Probed {
  /** From acknowledgement to the first answer that holds the event, ms. */
  readonly httpMs: readonly number[];
  /** And to the position in Redis that is at or beyond it. */
  readonly redisMs: readonly number[];
}

async function probe(bench: FeatureEngine, count: number): Promise<Probed> {
  const client = jetstream(bench.nats);
  const connection = await OneConnection.open(bench.engine.httpUrl);
  const acknowledged: { readonly seq: number; readonly ms: number }[] = [];
  const seenMs: number[] = [];
  const storedMs: number[] = [];
  const run = Date.now().toString(36); // the entity, and the first part of its events' ids
  const publish = async (mark: number): Promise<void> => {
    const event = { event_id: `${run}-${mark}`, entity_id: run, event_time: Date.now(), event: { mark } };
    const { seq } = await client.publish(`millrace.features.${FLOW.name}`, JSON.stringify(event));
    acknowledged[mark] = { seq, ms: performance.now() };
  };
  const publishing: Promise<void>[] = [];
  const timer = setInterval(() => {
    if (publishing.length < count) publishing.push(publish(publishing.length));
  }, PROBE_EVERY_MS);
  const deadline = performance.now() + count * PROBE_EVERY_MS + 60_000;
  while (seenMs.length < count || storedMs.length < count) {
    if (performance.now() > deadline)
      throw new Error(`only ${seenMs.length} of ${count} probes became visible`);
    const answer = JSON.parse(await connection.get(`/features/${FLOW.name}/${run}`)) as Answer;
    const seen = answer.features.mark ?? -1;
    while (seenMs.length <= seen) seenMs.push(performance.now());
    const storedSeq = (await bench.ingestedSeq()) ?? 0;
    while ((acknowledged[storedMs.length]?.seq ?? Number.POSITIVE_INFINITY) <= storedSeq)
      storedMs.push(performance.now());
    await delay(1);
  }
  clearInterval(timer);
  connection.close();
  await Promise.all(publishing);
  const since = (ms: number, mark: number): number =>
    Math.max(0, ms - (acknowledged[mark]?.ms ?? Number.NaN));
  return { httpMs: seenMs.map(since), redisMs: storedMs.map(since) };
}

interface Answer {
  readonly features: { readonly mark?: number | null };
}
