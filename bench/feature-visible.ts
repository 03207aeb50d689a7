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
  const latencies = await probe(bench, Math.round((seconds * 1000) / PROBE_EVERY_MS));
  const { tookMs } = await load;
  const found = percentilesOf(latencies);
  return [
    {
      what: `event to visible at ${Math.round((events * 1000) / tookMs)} events/s, ${found.samples} probes`,
      measured: msText(found),
      ceiling: `${GOAL_MS} ms`,
      ratio: Math.round((found.p99 / GOAL_MS) * 100) / 100,
      goal: "p99 < 50 ms: below 1",
    },
  ];
}

/** Latency of each of `count` probes, ms. */
async function probe(bench: FeatureEngine, count: number): Promise<number[]> {
  const client = jetstream(bench.nats);
  const connection = await OneConnection.open(bench.engine.httpUrl);
  const acknowledgedMs: number[] = [];
  const seenMs: number[] = [];
  const run = Date.now().toString(36);
  const publish = async (mark: number) => {
    const event = { event_id: `${run}-${mark}`, entity_id: "probe", event_time: Date.now(), event: { mark } };
    await client.publish(`millrace.features.${FLOW.name}`, JSON.stringify(event));
    acknowledgedMs[mark] = performance.now();
  };
  const publishing: Promise<void>[] = [];
  const timer = setInterval(() => {
    if (publishing.length < count) publishing.push(publish(publishing.length));
  }, PROBE_EVERY_MS);
  const deadline = performance.now() + count * PROBE_EVERY_MS + 60_000;
  while (seenMs.length < count && performance.now() < deadline) {
    const answer = JSON.parse(await connection.get(`/features/${FLOW.name}/probe`)) as Answer;
    const seen = answer.features.mark ?? -1;
    while (seenMs.length <= seen) seenMs.push(performance.now());
    await delay(1);
  }
  clearInterval(timer);
  connection.close();
  await Promise.all(publishing);
  if (seenMs.length < count) throw new Error(`only ${seenMs.length} of ${count} probes became visible`);
  return seenMs.map((ms, mark) => Math.max(0, ms - (acknowledgedMs[mark] ?? Number.NaN)));
}

interface Answer {
  readonly features: { readonly mark?: number | null };
}
