/**
 * What the load generator itself can do: requests per second against a server that answers prepared bytes, by one generator and by two that
 * share the connections. Two that get more show that one was the limit, so its rate is its ceiling; else the ceiling is higher than that.
 */
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import { type Settled, untilSettled } from "./load/settled.ts";
import { settledText } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Row, round } from "./report.ts";

/** By how much two must be faster than one before one was the limit. */
const FASTER = 1.1;

type Figures = Pick<LoadResult, "rate" | "cores" | "latency">;

export interface GeneratorCeiling {
  readonly one: Settled<Figures>;
  readonly two: Settled<Figures>;
}

export async function measureGenerator(
  bodies: readonly string[],
  connections: number,
  seconds: number,
): Promise<GeneratorCeiling> {
  const server = await startPeer("prepared-server.js");
  const load = async (share: number): Promise<LoadResult> =>
    runLoad({ url: `${server.url}/predict`, bodies, connections: connections / share, seconds });
  const measures = {
    one: async (): Promise<Figures> => load(1),
    two: async () => together(await Promise.all([load(2), load(2)])),
  };
  await load(1); // warms up
  const ceiling = await untilSettled(
    ["one", "two"],
    async (name) => measures[name](),
    ({ rate }) => rate,
  );
  server.stop();
  return ceiling;
}

/** Rates add up; of the rest, the slower one's. */
function together([first, second]: readonly [LoadResult, LoadResult]): Figures {
  const { latency } = first.latency.p99 > second.latency.p99 ? first : second;
  return { rate: first.rate + second.rate, cores: first.cores + second.cores, latency };
}

export function generatorRows({ one, two }: GeneratorCeiling, echo: number): Row[] {
  const rowOf = (subject: string, settled: Settled<Figures>): Row => ({
    subject,
    "requests/s": Math.round(settled.result.rate),
    "of echo": round(settled.result.rate / echo),
    "p50 ms": round(settled.result.latency.p50),
    "p99 ms": round(settled.result.latency.p99),
    windows: settledText(settled),
    "generator's cores": round(settled.result.cores),
  });
  const limit = two.result.rate > FASTER * one.result.rate ? "one was the limit" : "one was not the limit";
  return [
    rowOf("generator's own ceiling, against prepared bytes", one),
    rowOf(`the same by two generators: ${limit}`, two),
  ];
}
