/**
 * Streaming detectors in a running engine: the scores of each window are read in their order, once, and what a detector finds
 * there is in the report, in the overview and in an event.
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { Adwin } from "../../engine/monitor/detectors/adwin.ts";
import type { DriftDetector } from "../../engine/monitor/detectors/drift-detector.ts";
import { PageHinkley } from "../../engine/monitor/detectors/page-hinkley.ts";
import { errorOf, jsonOf } from "../support/answers.ts";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { createRandom } from "../support/random.ts";
import { type StoredPrediction, storePredictions } from "../support/stored-predictions.ts";

const HOUR_MS = 3_600_000;
const START_MS = Math.floor(Date.now() / HOUR_MS) * HOUR_MS - 6 * HOUR_MS;
const HOURS = 4;
const ROWS_PER_HOUR = 1_200;
const CHANGE_MS = START_MS + 2.5 * HOUR_MS;
const SETTINGS = "/monitoring/card-fraud/settings";
const DETECTORS = [{ kind: "adwin", delta: 0.001 }, { kind: "page_hinkley" }];

interface Report {
  readonly window_end: string;
  readonly detector_rows: number;
  readonly detector_alarms: readonly { readonly detector: string; readonly drift_at: string }[];
}

let engine: TestEngine;

before(async () => {
  engine = await startTestEngine();
  // the counters begin once the sink has stored something
  assert.equal((await engine.post("/predict", { features: PAYMENT })).status, 200);
  await storePredictions(engine.clickhouse(), predictions());
  assert.equal((await putSettings({ detectors: DETECTORS })).status, 200);
  const window = { from: START_MS, to: START_MS + 2 * HOUR_MS };
  const made = await engine.post("/models/card-fraud/versions/1.0.0/reference", { window });
  assert.equal(made.status, 201, await made.clone().text());
});
after(async () => engine?.[Symbol.asyncDispose]());

/** Four of them in a millisecond, so that their order is not that of their dates alone; higher scores from CHANGE_MS on. */
function predictions(): StoredPrediction[] {
  const random = createRandom(4);
  return Array.from({ length: HOURS * ROWS_PER_HOUR }, (_, at) => {
    const madeMs = START_MS + Math.floor(at / 4) * 4 * (HOUR_MS / ROWS_PER_HOUR);
    return { madeMs, score: random.next() * 0.4 + (madeMs < CHANGE_MS ? 0 : 0.5) };
  });
}

async function putSettings(settings: unknown): Promise<Response> {
  const headers = { "content-type": "application/json" };
  return fetch(new URL(SETTINGS, engine.httpUrl), {
    method: "PUT",
    body: JSON.stringify(settings),
    headers,
  });
}

async function reports(): Promise<Report[]> {
  return engine.sql<Report>(
    `SELECT window_end, toUInt32(detector_rows) AS detector_rows, detector_alarms FROM millrace.drift_reports
     WHERE role = 'window' AND window_end <= fromUnixTimestamp64Milli({endMs:Int64}) ORDER BY window_end`,
    { endMs: START_MS + HOURS * HOUR_MS },
  );
}

/** When the prediction was made at which a detector finds drift that is fed all of them at once. */
async function driftsBy(detector: DriftDetector): Promise<string[]> {
  const rows = await engine.sql<{ value: number; made: string }>(
    `SELECT predicted_value AS value, prediction_date AS made FROM millrace.predictions
     WHERE prediction_date < fromUnixTimestamp64Milli({endMs:Int64}) ORDER BY prediction_date, prediction_id`,
    { endMs: START_MS + HOURS * HOUR_MS },
  );
  assert.equal(rows.length, HOURS * ROWS_PER_HOUR);
  return rows.flatMap(({ value, made }) => (detector.update(Math.fround(value)) ? [made] : []));
}

describe("streaming detectors", () => {
  it("find in the windows what they find in the whole stream", async () => {
    const isJudged = async (): Promise<Report[] | false> => {
      const found = await reports();
      return found.length === HOURS && found;
    };
    const windows = await eventually("all windows are judged", isJudged, 60_000);
    assert.deepEqual(
      windows.map(({ detector_rows }) => detector_rows),
      Array.from({ length: HOURS }, () => ROWS_PER_HOUR),
    );
    const alarms = windows.flatMap(({ detector_alarms }) => detector_alarms);
    for (const [kind, detector] of [
      ["adwin", new Adwin({ delta: 0.001 })],
      ["page_hinkley", new PageHinkley()],
    ] as const) {
      const found = alarms.filter((alarm) => alarm.detector === kind).map(({ drift_at }) => drift_at);
      assert.deepEqual(found, await driftsBy(detector));
      assert.equal(found.length, 1, kind);
    }
    assert.deepEqual(
      windows.map(({ detector_alarms }) => detector_alarms.length),
      [0, 0, 2, 0],
    );
  });

  it("tell of it by one event each", async () => {
    const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
    const subject = "millrace.events.change_detected";
    const client = jetstream(nats);
    const consumer = await client.consumers.get("MILLRACE_EVENTS", { filter_subjects: [subject] });
    const messages = await consumer.fetch({ max_messages: 2, expires: 30_000 });
    const bodies: Record<string, unknown>[] = [];
    for await (const message of messages) bodies.push(message.json<Record<string, unknown>>());
    const manager = await client.jetstreamManager();
    const { state } = await manager.streams.info("MILLRACE_EVENTS", { subjects_filter: subject });
    assert.deepEqual(state.subjects, { [subject]: 2 });
    await nats.close();
    assert.deepEqual(new Set(bodies.map(({ detector }) => detector)), new Set(["adwin", "page_hinkley"]));
    for (const { model_name, model_version, drift_at, window_end } of bodies) {
      assert.deepEqual([model_name, model_version], ["card-fraud", "1.0.0"]);
      assert.ok(Date.parse(String(drift_at)) >= CHANGE_MS);
      assert.equal(window_end, new Date(START_MS + 3 * HOUR_MS).toISOString());
    }
  });

  it("are shown in the overview and in the settings", async () => {
    const { drift } = await jsonOf<{ drift: readonly Report[] }>(await engine.get("/monitoring/card-fraud"));
    assert.ok(Array.isArray(drift[0]?.detector_alarms));
    const { in_force } = await jsonOf<{ in_force: { detectors: readonly { delta: number }[] } }>(
      await engine.get(SETTINGS),
    );
    assert.deepEqual(
      in_force.detectors.map(({ delta }) => delta),
      [0.001, 0.1],
    );
    const error = await errorOf(await putSettings({ detectors: [{ kind: "ddm" }] }), 400, "INVALID_REQUEST");
    assert.equal(error.details[0]?.field, "detectors.0.kind");
  });
});
