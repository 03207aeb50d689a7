/** Swaps of the version in production under an open loop at 70 % of the maximum, one a second, against the same load without swaps. */
import { setTimeout as delay } from "node:timers/promises";
import { readModelFolder } from "../storage/model-folder.ts";
import type { TestEngine } from "../test/support/engine.ts";
import { fixture } from "../test/support/model.ts";
import { pushBody, withManifest } from "../test/support/model-requests.ts";
import type { LoadResult } from "./load/job.ts";
import { runLoad } from "./load/run-load.ts";
import { closedLoops, failuresOf, type Subject } from "./load/subject.ts";
import { type Report, type Row, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const CONNECTIONS = 64;
const SHARE = 0.7;
const SWAP_MS = 1_000;
const ROUNDS = 3;

export async function benchSwap(seconds: number): Promise<Report> {
  await using engine = await startBenchEngine();
  const versions = await pushNext(engine);
  const subject = { name: "engine", url: `${engine.httpUrl}/predict`, bodies: [await requestBody()] };
  const { rate } = (await closedLoops([subject], CONNECTIONS, seconds))[subject.name]?.result ?? { rate: 0 };
  const loads: Record<"without" | "with", LoadResult[]> = { without: [], with: [] };
  let swaps = 0;
  for (let seed = 1; seed <= ROUNDS; seed++) {
    loads.without.push(await load(subject, rate, seconds, seed));
    const stopping = new AbortController();
    const swapping = swapUntil(engine, versions, stopping.signal);
    loads.with.push(await load(subject, rate, seconds, seed));
    stopping.abort();
    swaps += await swapping;
  }
  const p99 = (name: keyof typeof loads): number =>
    loads[name].map(({ latency }) => latency.p99).sort((a, b) => a - b)[1] as number;
  const failed = (name: keyof typeof loads): number =>
    loads[name].reduce((sum, result) => sum + failuresOf(result), 0);
  const rows = (["without", "with"] as const).map(
    (name): Row => ({
      subject: `${name} swaps`,
      "requests/s": Math.round(rate * SHARE),
      "p99 ms": round(p99(name)),
      failed: failed(name),
    }),
  );
  return {
    title: `${swaps} swaps under an open loop at ${SHARE * 100} % of the maximum`,
    rows,
    ratios: {
      "p99 with swaps / without (goal ≤ 1.5)": round(p99("with") / p99("without")),
      "failed requests with swaps (goal 0)": failed("with"),
    },
    raw: { ...loads },
  };
}

async function load(
  { url, bodies }: Subject,
  maximum: number,
  seconds: number,
  seed: number,
): Promise<LoadResult> {
  return runLoad({ url, bodies, connections: 256, seconds, rate: SHARE * maximum, seed });
}

/** The same trees as another version. */
async function pushNext(engine: TestEngine): Promise<readonly [string, string]> {
  const model = await readModelFolder(fixture("bench"));
  const { version } = model.manifest;
  const next = `${version}-swap`;
  const answer = await engine.post("/models", pushBody(withManifest(model, { version: next })));
  if (!answer.ok) throw new Error(`the model was refused: ${await answer.text()}`);
  return [version, next];
}

async function swapUntil(
  engine: TestEngine,
  versions: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { name } = (await readModelFolder(fixture("bench"))).manifest;
  let swaps = 0;
  while (!signal.aborted) {
    const version = versions[(swaps + 1) % 2];
    const answer = await engine.post(`/models/${name}/promote`, { version });
    if (!answer.ok) throw new Error(`the swap was refused: ${await answer.text()}`);
    swaps++;
    await delay(SWAP_MS, undefined, { signal }).catch(() => undefined);
  }
  return swaps;
}
