/** NATS request and reply: one row of 30 features, against a bare responder that echoes the JSON on the same server. */

import type { LoadResult } from "./load/job.ts";
import type { Settled } from "./load/settled.ts";
import { closedLoops, failuresOf, openLoop, type Subject, settledText } from "./load/subject.ts";
import { startPeer } from "./peer.ts";
import { type Report, type Row, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const MANY = 64;
const ECHO = "echo";
const ENGINE = "engine";

export async function benchNats(seconds: number): Promise<Report> {
  await using engine = await startBenchEngine();
  const body = await requestBody();
  const { model } = JSON.parse(body) as { model: string };
  const echo = await startPeer("nats-echo.js", [engine.natsUrl]);
  const common = { url: engine.natsUrl, bodies: [body] };
  const asked = { ...common, name: ENGINE, subject: `millrace.predict.${model}` };
  const subjects: Subject[] = [{ ...common, name: ECHO, subject: echo.url }, asked];
  const many = await closedLoops(subjects, MANY, seconds);
  const one = await closedLoops(subjects, 1, seconds);
  echo.stop();
  const half = await openLoop(asked, resultOf(many, ENGINE).rate / 2, { connections: 1024, seconds });
  const rows = [
    ...Object.entries(many).map(([name, settled]) => rowOf(`${name}, ${MANY} at once`, settled)),
    ...Object.entries(one).map(([name, settled]) => rowOf(`${name}, 1 at a time`, settled)),
  ];
  return {
    title: "NATS request and reply, one row of 30 features, 100 trees",
    rows,
    ratios: {
      [`engine / echo, ${MANY} at once (higher is better)`]: round(
        resultOf(many, ENGINE).rate / resultOf(many, ECHO).rate,
      ),
      "added to the echo, 1 at a time, p50 ms": round(
        resultOf(one, ENGINE).latency.p50 - resultOf(one, ECHO).latency.p50,
        3,
      ),
      "open loop at half of the maximum, p99 ms": round(half.latency.p99),
    },
    raw: { many, one, half },
  };
}

function resultOf(loads: Readonly<Record<string, Settled<LoadResult>>>, name: string): LoadResult {
  return (loads[name] as Settled<LoadResult>).result;
}

function rowOf(subject: string, settled: Settled<LoadResult>): Row {
  const { rate, latency, cores } = settled.result;
  return {
    subject,
    "requests/s": Math.round(rate),
    "p50 ms": round(latency.p50, 3),
    "p99 ms": round(latency.p99),
    windows: settledText(settled),
    failed: failuresOf(settled.result),
    "generator's cores": round(cores),
  };
}
