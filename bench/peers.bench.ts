/**
 * The engine beside other servers of models: the same model, row, machine and generator, one at a time, the engine before and after them. The
 * engine logs every prediction and keeps its metrics; the peers keep none. A peer whose packages cannot be had is left out and says why.
 */
import { join } from "node:path";
import { eventually } from "../test/support/eventually.ts";
import { PROJECT } from "../test/support/model-folder.ts";
import { closedLoops } from "./load/subject.ts";
import { installPeer } from "./peers/install.ts";
import { PEERS, type Peer } from "./peers/peer.ts";
import { type LeftOut, type PeerLoads, peersReport, type ServerLoads } from "./peers/report.ts";
import { ServerProcess } from "./peers/server-process.ts";
import type { Report } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const CONNECTIONS = 64;
const START_MS = 90_000;
const ANSWER_MS = 10_000;
const DIFFERENCE_MAX = 1e-5;
const REASON_LENGTH = 200;
const MODEL = join(PROJECT, "test/fixtures/bench/model.onnx");

export async function benchPeers(seconds: number): Promise<Report> {
  const body = await requestBody();
  const { loads: before, expected } = await measureEngine(body, seconds);
  const peers: (PeerLoads | LeftOut)[] = [];
  for (const peer of PEERS) peers.push(await measurePeer(peer, { body, expected, seconds }));
  const { loads: after } = await measureEngine(body, seconds);
  return peersReport({ before, after }, peers);
}

async function measureEngine(
  body: string,
  seconds: number,
): Promise<{ loads: ServerLoads; expected: number }> {
  await using engine = await startBenchEngine({ MILLRACE_LOG_ACK: "before-response" });
  const url = `${engine.httpUrl}/predict`;
  const answer = (await post(url, body)) as { probabilities: readonly number[] };
  return { loads: await loadsOf(url, body, seconds), expected: answer.probabilities[1] ?? Number.NaN };
}

async function measurePeer(
  peer: Peer,
  { body, expected, seconds }: { body: string; expected: number; seconds: number },
): Promise<PeerLoads | LeftOut> {
  const { name, goal } = peer;
  try {
    const { command, versions } = await installPeer(peer);
    await using server = await ServerProcess.start(command, { MODEL });
    const url = server.url + peer.path;
    const { features } = JSON.parse(body) as { features: Record<string, number> };
    const own = JSON.stringify(peer.toBody(features));
    const probability = peer.probability(await firstAnswer(server, url, own));
    if (!(Math.abs(probability - expected) <= DIFFERENCE_MAX))
      throw new Error(`it answers ${probability}, the engine ${expected}`);
    console.log(`${name}: measuring …`);
    return { name, versions, ...(goal === undefined ? {} : { goal }), ...(await loadsOf(url, own, seconds)) };
  } catch (error) {
    const reason = reasonOf(error);
    console.log(`${name} is left out: ${reason}`);
    return { name, reason };
  }
}

/** With the cause, on one line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}`.replaceAll(/\s+/g, " ").slice(0, REASON_LENGTH);
}

/** A server that has ended is not waited for. */
async function firstAnswer(server: ServerProcess, url: string, body: string): Promise<unknown> {
  const { answer } = await eventually(
    "the server answers",
    async () => (server.ended === undefined ? { answer: await post(url, body) } : { answer: undefined }),
    START_MS,
  );
  if (server.ended !== undefined) throw new Error(server.ended);
  return answer;
}

async function post(url: string, body: string): Promise<unknown> {
  const response = await fetch(url, {
    method: "POST",
    body,
    headers: { "content-type": "application/json" },
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  return response.json();
}

async function loadsOf(url: string, body: string, seconds: number): Promise<ServerLoads> {
  const subject = { name: "it", url, bodies: [body] };
  const { it: many } = await closedLoops([subject], CONNECTIONS, seconds);
  const { it: one } = await closedLoops([subject], 1, seconds);
  if (many === undefined || one === undefined) throw new Error("no window was measured");
  return { many, one };
}
