/** The ceiling of reading many entities: bare pipelines of HMGET over one connection of ioredis, so many under way as an HTTP client has connections. */
import type { Redis } from "ioredis";
import { percentilesOf } from "./percentiles.ts";

export interface Pipelines {
  /** Pipelines a second. */
  readonly rate: number;
  readonly p99Ms: number;
}

/** @param keysOf keys of the pipeline's turn. */
export async function measurePipelines(
  redis: Redis,
  { keysOf, fields }: { keysOf: (turn: number) => readonly string[]; fields: readonly string[] },
  underWay: number,
  seconds: number,
): Promise<Pipelines> {
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const tookMs: number[] = [];
  let turn = 0;
  const loop = async (): Promise<void> => {
    for (let sentMs = performance.now(); sentMs < endMs; sentMs = performance.now()) {
      const pipeline = redis.pipeline();
      for (const key of keysOf(turn++)) pipeline.hmget(key, ...fields);
      for (const [error] of (await pipeline.exec()) ?? []) if (error !== null) throw error;
      tookMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: underWay }, loop));
  const rate = (tookMs.length * 1000) / (performance.now() - startedMs);
  return { rate, p99Ms: percentilesOf(tookMs).p99 };
}
