/**
 * `millrace bench`: a running engine under load. Closed loops find the highest throughput; open loops at shares of it tell the latency that
 * users see at that load, counted from when a request was due, so that a stall is in every request that it held up.
 */
import { readFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import type { LoadResult } from "../bench/load/job.ts";
import { runLoad } from "../bench/load/run-load.ts";
import { closedLoops, failuresOf, openLoop, type Subject, settledText } from "../bench/load/subject.ts";
import { type Report, type Row, round } from "../bench/report.ts";
import { show } from "../bench/show.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { EngineError } from "./core/errors.ts";

const NAME = "engine";
const SHARES = [0.25, 0.5, 0.75, 0.9] as const;
const OPEN_CONNECTIONS = 256;
const CONNECTIONS_MAX = 4_096;
const SECONDS_MAX = 3_600;
const RATE_MAX = 200_000;

interface Options {
  readonly url: string;
  readonly model?: string;
  readonly body?: string;
  readonly connections: number;
  readonly seconds: number;
  readonly rate?: number;
  readonly out: string;
}

export function benchCommand(): Command {
  return withUrlOption(new Command("bench"))
    .description(
      "put a running engine under load: its highest throughput, then latency at shares of it; writes bench.json and bench.html. " +
        "The predictions are stored like all others",
    )
    .option("--model <name>", "the model that is asked; the one in production if there is only one")
    .option("--body <file>", "a JSON request, or one per line, instead of the model's example")
    .option("--connections <n>", "at once, in the closed loop", numberUpTo(CONNECTIONS_MAX), 64)
    .option(
      "--rate <n>",
      "requests per second: one open loop at this rate, and nothing else",
      numberUpTo(RATE_MAX),
    )
    .option("--seconds <n>", "length of each window", numberUpTo(SECONDS_MAX), 5)
    .option("--out <folder>", "where bench.json and bench.html are written", ".")
    .action(bench);
}

function numberUpTo(max: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (number > 0 && number <= max) return number;
    throw new InvalidArgumentError(`it must be above 0, at most ${max}`);
  };
}

async function bench(options: Options): Promise<void> {
  const { url, seconds, rate } = options;
  const subject = { name: NAME, url: new URL("/predict", url).href, bodies: await bodiesOf(options) };
  await callEngine(url, "POST", "/predict", JSON.parse(subject.bodies[0] as string)); // what is refused tells why
  console.error(`measuring ${subject.url}: windows of ${seconds} s ...`);
  const report = rate === undefined ? await byLoad(subject, options) : await atRate(subject, rate, seconds);
  show("bench", report, options.out);
}

async function atRate(subject: Subject, rate: number, seconds: number): Promise<Report> {
  const result = await runLoad({ ...subject, connections: OPEN_CONNECTIONS, seconds, rate });
  return {
    title: `Open loop at ${rate} requests/s`,
    rows: [{ ...rowOf(result), "never sent": result.unsent, "sent late, p99 ms": round(result.late.p99) }],
    ratios: {},
    raw: { result },
  };
}

/** @throws EngineError SERVICE_UNAVAILABLE when nothing is answered under load. */
async function byLoad(subject: Subject, { url, connections, seconds }: Options): Promise<Report> {
  const closed = (await closedLoops([subject], connections, seconds))[NAME];
  if (closed === undefined || closed.result.rate === 0)
    throw new EngineError("SERVICE_UNAVAILABLE", `${url} answered nothing under load`);
  const maximum = closed.result.rate;
  const found = `${Math.round(maximum)} requests/s over ${connections} connections (${settledText(closed)} windows)`;
  console.error(`${found}; open loops at shares of that ...`);
  const loads: LoadResult[] = [];
  for (const share of SHARES)
    loads.push(await openLoop(subject, share * maximum, { connections: OPEN_CONNECTIONS, seconds }));
  const line = (name: "p50" | "p99") => ({
    name,
    points: loads.map(({ rate, latency }) => [rate, latency[name]] as const),
  });
  return {
    title: `${url}: ${found}`,
    rows: loads.map((load, index) => ({ load: `${(SHARES[index] as number) * 100} %`, ...rowOf(load) })),
    ratios: {},
    charts: [
      {
        kind: "lines",
        title: "Latency by load, open loop, from the time a request was due",
        x: "requests per second",
        y: "ms",
        lines: [line("p50"), line("p99")],
      },
    ],
    raw: { closed, loads },
  };
}

function rowOf(result: LoadResult): Row {
  const { rate, latency } = result;
  return {
    "requests/s": Math.round(rate),
    "p50 ms": round(latency.p50),
    "p99 ms": round(latency.p99),
    "p99.9 ms": round(latency.p999),
    failed: failuresOf(result),
  };
}

/** @throws EngineError INVALID_REQUEST for a file without requests; what the engine answers for a model that is not there. */
async function bodiesOf({ url, model, body }: Options): Promise<string[]> {
  if (body !== undefined) {
    const bodies = bodiesIn(await readFile(body, "utf8"), body);
    if (bodies.length > 0) return bodies;
    throw new EngineError("INVALID_REQUEST", `${body} holds no request: give JSON, one request per line`);
  }
  const query = model === undefined ? "" : `?model=${encodeURIComponent(model)}`;
  const { examples } = (await callEngine(url, "GET", `/model/schema${query}`)) as { examples: object[] };
  const named = model === undefined ? {} : { model };
  return examples.map((example) => JSON.stringify({ ...example, ...named }));
}

/** One JSON document, or one a line. */
function bodiesIn(text: string, file: string): string[] {
  const documents = isJson(text) ? [text] : text.split("\n").filter((line) => line.trim() !== "");
  const wrong = documents.findIndex((one) => !isJson(one));
  if (wrong >= 0) throw new EngineError("INVALID_REQUEST", `${file}: line ${wrong + 1} is no JSON`);
  return documents.map((one) => JSON.stringify(JSON.parse(one)));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
