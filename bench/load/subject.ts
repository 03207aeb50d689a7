/** What is put under load, and the figures of it that every benchmark shows. */
import { median } from "simple-statistics";
import { round } from "../report.ts";
import type { LoadJob, LoadResult } from "./job.ts";
import { runLoad } from "./run-load.ts";
import { isSettled, type Settled, untilSettled } from "./settled.ts";

export interface Subject extends Pick<LoadJob, "url" | "subject" | "bodies" | "encoding" | "headers"> {
  readonly name: string;
}

const WARM_UP_SECONDS = 2;

/** Closed loops over so many connections, of all subjects in turn until each has settled; warmed up first. */
export async function closedLoops(
  subjects: readonly Subject[],
  connections: number,
  seconds: number,
): Promise<Record<string, Settled<LoadResult>>> {
  const byName = new Map(subjects.map((subject) => [subject.name, subject]));
  const load = async (name: string, forSeconds: number): Promise<LoadResult> => {
    const subject = byName.get(name) as Subject;
    return runLoad({ ...subject, connections, seconds: forSeconds });
  };
  for (const { name } of subjects) await load(name, WARM_UP_SECONDS);
  return untilSettled(
    [...byName.keys()],
    async (name) => load(name, seconds),
    ({ rate }) => rate,
  );
}

/** Three open loops with other arrivals each; the one whose p99 is in the middle. */
export async function openLoop(
  subject: Subject,
  rate: number,
  { connections, seconds }: Pick<LoadJob, "connections" | "seconds">,
): Promise<LoadResult> {
  const results: LoadResult[] = [];
  for (let seed = 1; seed <= 3; seed++)
    results.push(await runLoad({ ...subject, connections, seconds, rate, seed }));
  const middle = median(results.map(({ latency }) => latency.p99));
  return results.find(({ latency }) => latency.p99 === middle) as LoadResult;
}

/** Answers that were no success, by status. */
export function failuresOf({ statuses }: LoadResult): number {
  return Object.entries(statuses).reduce(
    (sum, [status, count]) => sum + (Number(status) >= 200 && Number(status) < 400 ? 0 : count),
    0,
  );
}

export function settledText(settled: Settled<unknown>): string {
  const text = `± ${round(settled.spread * 50, 1)} % of ${settled.windows}`;
  return isSettled(settled) ? text : `${text}, not settled`;
}
