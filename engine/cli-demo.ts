/**
 * `millrace demo`: the closed loop, seen. An engine of its own serves the sample's payments; these change; drift is found, a model is
 * trained, judged and deployed, and the quality is back, while predictions go on.
 *
 *     engine with its services, sample ─▶ demo-run: payments, labels, the change ─▶ summary ─▶ stopped, folder removed
 *
 * It is told what it says by the engine alone: the events stream, the REST API, its own payments' answers. Exit code 0 only if the
 * quality has recovered and no request failed.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { openStreams } from "../streams/connection.ts";
import { createTopology } from "../streams/topology.ts";
import type { Engine } from "./app.ts";
import type { DataPlane } from "./app-data-plane.ts";
import { callEngine } from "./cli-http.ts";
import { installSample } from "./cli-sample.ts";
import { type Config, readConfig, SETTINGS } from "./core/config.ts";
import { createLogger } from "./core/log.ts";
import { ROLES } from "./core/roles.ts";
import { DemoRun } from "./demo/demo-run.ts";
import type { DemoStory } from "./demo/demo-story.ts";
import { type DemoSight, toLine, toScreen, toSummary } from "./demo/demo-view.ts";
import { type CardFraudGenerator, createCardFraudGenerator } from "./sample/card-fraud.ts";

const MODEL = "card-fraud";
const SEED = 20;
/** What two cores answer beside training. */
const RATE = 150;
/** Ten a card. */
const PAYMENTS_BEFORE = 20_000;
const CALM_SECONDS_MIN = 20;
const SECONDS_MAX = 3_600;
const LINE_EVERY_MS = 5_000;
const CLEAR_SCREEN = "\x1b[H\x1b[J";

interface Options {
  readonly seconds: number;
  readonly calm: number;
  readonly keep?: boolean;
}

export function demoCommand(): Command {
  return new Command("demo")
    .option("--seconds <seconds>", "payments go on for at most so long", numberFrom(60), 300)
    .option("--calm <seconds>", "before the payments change, at least", numberFrom(CALM_SECONDS_MIN), 60)
    .option("--keep", "leave the data folder there, to serve it again")
    .action(demo);
}

function numberFrom(min: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (number >= min && number <= SECONDS_MAX) return number;
    throw new InvalidArgumentError(`it must be from ${min} to ${SECONDS_MAX}`);
  };
}

async function demo(options: Options): Promise<void> {
  const stopping = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
  const folder = await mkdtemp(join(tmpdir(), "millrace-demo-"));
  try {
    console.log("starting an engine, with its own NATS and ClickHouse, in a folder of its own ...");
    const config = demoConfig(folder);
    const { startEngine } = await import("./app.ts"); // its libraries would slow down every other command
    const engine = await startEngine(config, ROLES, createLogger(config.logLevel));
    try {
      process.exitCode = await runIn(engine, config, options, stopping.signal);
    } finally {
      await engine.stop();
    }
  } finally {
    if (options.keep !== true) await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  if (options.keep === true) console.log(`its data is in ${folder}: MILLRACE_DATA_DIR=${folder} npm start`);
  process.exit(); // threads of native code may linger
}

/** Nothing of this terminal's settings: services of its own, any free ports. The control plane, a child, reads them too. */
function demoConfig(folder: string): Config {
  for (const { env } of Object.values(SETTINGS)) delete process.env[env];
  Object.assign(process.env, {
    MILLRACE_DATA_DIR: folder,
    MILLRACE_LOG_LEVEL: "error",
    MILLRACE_HTTP_PORT: "0",
    MILLRACE_GRPC_PORT: "0",
    MILLRACE_NATS_PORT: "0",
    MILLRACE_CLICKHOUSE_PORT: "0",
    MILLRACE_REDIS_PORT: "0",
    // where others keep the cores busy, an answer is late rather than refused
    MILLRACE_LOG_TIMEOUT_MS: "30000",
    MILLRACE_TIMEOUT_MS: "60000",
  });
  return readConfig(process.env);
}

/** The exit code. */
async function runIn(engine: Engine, config: Config, options: Options, signal: AbortSignal): Promise<number> {
  const dataPlane = engine.dataPlane as DataPlane;
  await installSample(dataPlane, config);
  const { untilReady } = await import("./app.ts");
  await untilReady(dataPlane);
  const url = dataPlane.httpUrl;
  console.log(`ready: ${url}, events on millrace.events.> of ${engine.urls.nats}\n`);
  const run = new DemoRun({
    model: MODEL,
    rate: RATE,
    calmSeconds: options.calm,
    secondsMax: options.seconds,
    generator: travelledGenerator(),
    call: async (method, path, body) => callEngine(url, method, path, body),
    show: process.stdout.isTTY ? showScreen : createLineShower(),
  });
  const stopFollowing = await follow(engine.urls.nats, config, run);
  try {
    await run.run(signal);
  } finally {
    await stopFollowing();
  }
  return summarise(run);
}

/** Cards begin at home; a few payments later each is where it pays, and distances are what they will be. */
function travelledGenerator(): CardFraudGenerator {
  const generator = createCardFraudGenerator(SEED);
  for (let payment = 0; payment < PAYMENTS_BEFORE; payment++) generator.next();
  return generator;
}

/** Hands events on as they are published. */
async function follow(natsUrl: string, { prefix }: Config, run: DemoRun): Promise<() => Promise<void>> {
  const connection = await openStreams(natsUrl, "millrace demo", createLogger("silent"));
  const subject = createTopology(prefix).eventsSubject(">");
  connection.nats.subscribe(subject, {
    callback: (error, message) => {
      if (error !== null) return;
      const kind = message.subject.slice(subject.length - 1);
      run.hear({ kind, id: message.headers?.get("Nats-Msg-Id") ?? "", body: message.json() });
    },
  });
  await connection.nats.flush();
  return async () => connection.close();
}

function showScreen(sight: DemoSight, story: DemoStory): void {
  process.stdout.write(`${CLEAR_SCREEN}${toScreen(sight, story)}`);
}

/** A line every LINE_EVERY_MS, and each of the story's. */
function createLineShower(): (sight: DemoSight, story: DemoStory) => void {
  let shown = 0;
  let shownMs = -Infinity;
  return (sight, story) => {
    for (const line of story.lines.slice(shown)) console.log(line);
    shown = story.lines.length;
    if (performance.now() - shownMs < LINE_EVERY_MS) return;
    shownMs = performance.now();
    console.log(toLine(sight));
  };
}

function summarise(run: DemoRun): number {
  const { story, counts } = run;
  console.log(`\n${toSummary(story, run.quality, counts)}`);
  for (const [message, count] of run.failures) console.log(`  ${count} times: ${message}`);
  const isRecovered = story.has("quality recovered");
  if (!isRecovered) console.log("The quality has not recovered in this time.");
  return isRecovered && counts.failed === 0 ? 0 : 1;
}
