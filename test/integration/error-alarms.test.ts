/**
 * Streaming detectors over errors in a running engine whose control plane is killed on the way: each window's errors are read
 * once, what is found there is in an event, over REST and on /metrics; and `millrace monitor show` has all that is known of the model.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { PageHinkley } from "../../engine/monitor/detectors/page-hinkley.ts";
import { jsonOf } from "../support/answers.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { pidOf } from "../support/processes.ts";
import { createRandom } from "../support/random.ts";
import { storePredictions } from "../support/stored-predictions.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HOURS = 5;
const ROWS_PER_HOUR = 1_200;
const ROWS = HOURS * ROWS_PER_HOUR;
/** Prediction from which on six in ten are wrong instead of one. */
const CHANGE = 4.5 * ROWS_PER_HOUR;
const LIVE_ROWS = 20;
const WAIT_MS = 120_000;
const MODEL = "/monitoring/card-fraud";
const SUBJECT = "millrace.events.change_detected";
const DETECTOR = { kind: "page_hinkley", direction: "up" } as const;

interface Metric {
  readonly value: number;
  readonly interval?: { readonly low: number; readonly high: number };
  readonly reference?: { readonly value: number; readonly verdict: string | null };
}

interface Overview {
  readonly performance: readonly {
    readonly window_end: string;
    readonly metrics: Readonly<Record<string, Metric>>;
  }[];
  readonly error_detectors: readonly {
    readonly detector_rows: unknown;
    readonly detector_alarms: readonly unknown[];
  }[];
  readonly latency: { readonly predictions: number; readonly latency_ms: { readonly p99: number } };
}

interface ErrorReport {
  readonly window_end: string;
  readonly rows: number;
  readonly alarms: readonly string[];
}

describe("errors under streaming detectors", () => {
  let engine: TestEngine;
  let folder: TempFolder;
  let startMs = 0;
  /** 1 for a prediction that is wrong. */
  const errors: number[] = [];
  const madeAt = (at: number): number => startMs + Math.floor((at * HOUR_MS) / ROWS_PER_HOUR);

  before(async () => {
    engine = await startTestEngine();
    folder = await createTempFolder();
    // no window ends while the newest one is looked at
    const msLeft = (): number => HOUR_MS - (Date.now() % HOUR_MS);
    await eventually("some of the hour is left", () => msLeft() > 4 * MINUTE_MS, 5 * MINUTE_MS);
    startMs = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - (HOURS + 1) * HOUR_MS;
    await putSettings({ error_detectors: [] });
    for (let row = 0; row < LIVE_ROWS; row++)
      assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
    await logPast();
    const window = { from: startMs, to: startMs + 2 * HOUR_MS };
    const made = await engine.post("/models/card-fraud/versions/1.0.0/reference", { window });
    assert.equal(made.status, 201, await made.clone().text());
  });
  after(async () => {
    await engine?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Labels first, which wait for their predictions. */
  async function logPast(): Promise<void> {
    const random = createRandom(6);
    const rows = Array.from({ length: ROWS }, (_, at) => {
      const score = random.next();
      const isWrong = random.next() < (at < CHANGE ? 0.1 : 0.6);
      errors.push(Number(isWrong));
      return { madeMs: madeAt(at), score, label: score >= 0.25 !== isWrong };
    });
    const labels = rows.map(({ label }, at) => ({ request_id: `stored-${at}`, label }));
    const answer = await engine.post("/labels", { model_name: "card-fraud", labels });
    assert.ok(answer.ok, await answer.clone().text());
    const stored = async (): Promise<boolean> => {
      const [found] = await engine.sql<{ rows: string }>("SELECT count() AS rows FROM millrace.labels");
      return Number(found?.rows) === ROWS;
    };
    await eventually("the labels are stored", stored, WAIT_MS);
    await storePredictions(engine.clickhouse(), rows);
  }

  async function putSettings(settings: unknown): Promise<void> {
    const body = JSON.stringify(settings);
    const headers = { "content-type": "application/json" };
    const url = new URL(`${MODEL}/settings`, engine.httpUrl);
    assert.equal((await fetch(url, { method: "PUT", body, headers })).status, 200);
  }

  async function reports(): Promise<ErrorReport[]> {
    return engine.sql<ErrorReport>(
      `SELECT toString(window_end) AS window_end, toUInt32(detector_rows) AS rows, detector_alarms.drift_at AS alarms
       FROM millrace.performance_reports WHERE kind = 'errors' ORDER BY window_end`,
    );
  }

  function changes(): string[] {
    const detector = new PageHinkley({ direction: "up" });
    return errors.flatMap((error, at) =>
      detector.update(error) ? [new Date(madeAt(at)).toISOString()] : [],
    );
  }

  it("are read once, as one stream, whoever is killed", async () => {
    // windows of another length begin anew: all of them in one round
    await putSettings({ error_detectors: [DETECTOR], performance_window: "1h" });
    await eventually("a window is read", async () => (await reports()).length > 0, WAIT_MS);
    const control = pidOf(engine, "control");
    if (control !== undefined) process.kill(control, "SIGKILL");
    await eventually("all are read", async () => (await reports()).length === HOURS, WAIT_MS);
    const found = await reports();
    assert.deepEqual(
      found.map(({ rows }) => rows),
      Array.from({ length: HOURS }, () => ROWS_PER_HOUR),
    );
    assert.equal(changes().length, 1);
    assert.deepEqual(
      found.flatMap(({ alarms }) => alarms.map((at) => new Date(`${at}Z`).toISOString())),
      changes(),
    );
  });

  it("make one event of a change", async () => {
    const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
    const client = jetstream(nats);
    const consumer = await client.consumers.get("MILLRACE_EVENTS", { filter_subjects: [SUBJECT] });
    const bodies: Record<string, unknown>[] = [];
    for await (const message of await consumer.fetch({ max_messages: 1, expires: 30_000 }))
      bodies.push(message.json<Record<string, unknown>>());
    const manager = await client.jetstreamManager();
    const { state } = await manager.streams.info("MILLRACE_EVENTS", { subjects_filter: SUBJECT });
    await nats.close();
    assert.deepEqual(state.subjects, { [SUBJECT]: 1 });
    const [body] = bodies;
    assert.deepEqual([body?.["column"], body?.["detector"]], ["error", "page_hinkley"]);
    assert.equal(body?.["drift_at"], changes()[0]);
  });

  it("are in the overview and on /metrics", async () => {
    const { error_detectors: found } = await jsonOf<Overview>(await engine.get(MODEL));
    assert.equal(found.length, 1);
    assert.equal(Number(found[0]?.detector_rows), ROWS_PER_HOUR);
    assert.equal(found[0]?.detector_alarms.length, 1);
    const line =
      'engine_model_error_changes{model="card-fraud",version="1.0.0",variant="",detector="page_hinkley"} 1';
    const isThere = async (): Promise<boolean> =>
      (await (await engine.get("/metrics")).text()).includes(line);
    await eventually("the gauge is there", isThere, WAIT_MS);
  });

  it("are shown by monitor show, beside performance, latencies and service levels", async () => {
    const file = join(folder.path, "objectives.json");
    const objectives = [
      { name: "fast", model: "card-fraud", indicator: { kind: "latency_ms", bound: 600_000 }, target: 0.99 },
      {
        name: "good-auc",
        model: "card-fraud",
        indicator: { kind: "min_metric", metric: "accuracy", bound: 0.8, window: "1h" },
        target: 0.9,
      },
    ];
    await writeFile(file, JSON.stringify(objectives));
    const cli = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await runCli([...args, "--url", engine.httpUrl]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    await cli("slo", "apply", file);
    const shown = await cli("monitor", "show", "card-fraud");
    const { performance, latency } = JSON.parse(
      await cli("monitor", "show", "card-fraud", "--json"),
    ) as Overview;

    const figure = (value: number | undefined): string => String(Number(value?.toPrecision(4)));
    const { accuracy } = performance[0]?.metrics ?? {};
    assert.ok(accuracy !== undefined && accuracy.reference?.verdict === "worse");
    const interval = `${figure(accuracy.interval?.low)} to ${figure(accuracy.interval?.high)}`;
    const row = `accuracy +${figure(accuracy.value)} +${interval} +▼ ${figure(accuracy.reference.value)} \\(-0\\.\\d+\\)`;
    assert.match(shown, new RegExp(`^${row}$`, "m"));
    assert.match(shown, /^card-fraud 1\.0\.0: performance, .* UTC\n1,200 of 1,200 predictions labelled$/m);
    assert.match(shown, /^metric +value +95 % interval +reference$/m);
    assert.match(shown, /^errors +1\.0\.0 +\S+ \S+ +1,200 +page_hinkley \d{4}-\d\d-\d\d \d\d:\d\d$/m);
    assert.match(shown, new RegExp(`^${latency.predictions.toLocaleString("en-US")} predictions, `, "m"));
    const p99 = Number(latency.latency_ms.p99.toPrecision(3));
    assert.match(shown, new RegExp(`^arrival to answer +\\S+ +\\S+ +${p99} +[▁▂▃▄▅▆▇█]{3}$`, "m"));
    assert.match(shown, /^✓ fast +within 600000 ms +99 % +100 % +█{10} 100\.0 % +28d$/m);
    assert.match(shown, /^✗ good-auc +1h, accuracy >= 0\.8 +90 % +80 % +·{10} -100\.0 % +28d$/m);
    const widest = Math.max(...shown.split("\n").map((line) => line.length));
    assert.ok(widest <= 100, `${widest} columns:\n${shown}`);
  });
});
