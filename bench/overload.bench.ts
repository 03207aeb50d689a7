/**
 * Three times as much as the engine can answer, offered in an open loop: what is answered, how fast the rest is refused, and what that
 * costs in memory. The maximum is that of a closed loop in the same run.
 */
import { residentBytes } from "../test/support/processes.ts";
import { runLoad } from "./load/run-load.ts";
import { closedLoops } from "./load/subject.ts";
import { type Report, type Row, round } from "./report.ts";
import { requestBody, startBenchEngine } from "./setup.ts";

const CONNECTIONS = 64;
const OFFERED = 3;
const OPEN_CONNECTIONS = 512;
const MIB = 1024 * 1024;

export async function benchOverload(seconds: number): Promise<Report> {
  // few rows may wait, as behind a limit of latency: the rest is refused
  await using engine = await startBenchEngine({ MILLRACE_QUEUE_ROWS_MAX: "256" });
  const subject = { name: "engine", url: `${engine.httpUrl}/predict`, bodies: [await requestBody()] };
  const closed = (await closedLoops([subject], CONNECTIONS, seconds))[subject.name];
  if (closed === undefined) throw new Error("nothing was measured");
  const maximum = closed.result.rate;
  const beforeBytes = residentBytes(engine.pid);
  const { url, bodies } = subject;
  const over = await runLoad({
    url,
    bodies,
    connections: OPEN_CONNECTIONS,
    seconds: seconds * 2,
    rate: OFFERED * maximum,
  });
  const grownMib = (residentBytes(engine.pid) - beforeBytes) / MIB;
  const answers = Object.values(over.statuses).reduce((sum, count) => sum + count, 0);
  const rows: Row[] = [
    { subject: `closed loop, ${CONNECTIONS} connections`, "answered/s": Math.round(maximum) },
    {
      subject: `open loop, ${Math.round(OFFERED * maximum)}/s asked for`,
      "answered/s": Math.round(over.rate),
      "offered/s": Math.round(answers / over.seconds),
      "refused (429)": over.statuses["429"] ?? 0,
      "refused, p99 ms": round(over.refused.p99),
      "never sent": over.unsent,
      "generator's cores": round(over.cores),
    },
  ];
  return {
    title: "Overload: three times the maximum",
    rows,
    ratios: {
      "answered in overload / maximum (goal ≥ 0.9)": round(over.rate / maximum),
      "offered, in maxima": round(answers / over.seconds / maximum),
      "refused, p99 ms (goal < 5)": round(over.refused.p99),
      "memory grown, MiB": Math.round(grownMib),
    },
    raw: { closed, over },
  };
}
