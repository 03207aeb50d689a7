/**
 * From predictions to a retraining job, in a real engine whose control plane is killed on the way: the electricity market comes
 * as its model knows it, then as it was a year later. Two models have the same history in the log: `elec` drifts, `elec-still`
 * does not.
 *
 * Windows follow the clock, so the predictions are of the last hours, put into the log with their dates; their reports must be
 * those of a monitor over the same rows in memory, to the bit.
 */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { connect } from "@nats-io/transport-node";
import type { ModelManifest } from "../../engine/core/manifest.ts";
import { parseRetrainRequest } from "../../engine/core/retrain-request.ts";
import { toScoreEvents } from "../../engine/monitor/detectors/score-news.ts";
import { toEvents } from "../../engine/monitor/drift/drift-news.ts";
import type { Incident, IncidentChange } from "../../engine/monitor/drift/incident.ts";
import type { ReferenceDocument } from "../../engine/monitor/references/reference-document.ts";
import { readModelFolder } from "../../storage/model-folder.ts";
import { openModelRegistry } from "../../storage/model-registry.ts";
import type { ReferenceRecord } from "../../storage/reference-record.ts";
import { ScoreStore } from "../../storage/score-store.ts";
import { createTopology } from "../../streams/topology.ts";
import { jsonOf } from "../support/answers.ts";
import { runCli } from "../support/cli.ts";
import {
  columnsOf,
  columnValues,
  type DatedRow,
  DriftTables,
  type ScoredRow,
} from "../support/drift-tables.ts";
import {
  ELEC_FOLDER,
  elecGolden,
  marketIsMissing,
  parseMarket,
  readMarket,
  readScores,
} from "../support/elec-market.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { publishPast } from "../support/past-predictions.ts";
import { pidOf } from "../support/processes.ts";
import { createRandom, type Random } from "../support/random.ts";
import { messagesOf } from "../support/stream-messages.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const WINDOW_MS = 300_000;
const WINDOW_ROWS = 250;
const STILL_WINDOWS = 12;
const DRIFT_WINDOWS = 6;
const REFERENCE_ROWS = 5_000;
const WINDOWS_EACH = STILL_WINDOWS + DRIFT_WINDOWS;
const WINDOWS = 2 * WINDOWS_EACH;
const LIVE_ROWS = 300;
const SETTINGS = { window: "5m" };
const SLACK_MS = 60_000;
const WAIT_MS = 60_000;
const CONTROL_PLANE_FOUND = existsSync("/proc/self/cmdline");
const TOPOLOGY = createTopology("millrace");
/** What is told of the models' pushes and promotions before all that. */
const VERSION_EVENTS = ["model_registered", "model_promoted"].map((kind) => TOPOLOGY.eventsSubject(kind));
/** All that a report says, but when it was made. */
const REPORT = `model_version, variant, reference_id, toUnixTimestamp(window_start) AS window_start, toUnixTimestamp(window_end) AS window_end,
  role, feature, toUInt32(rows) AS rows, toUInt32(reference_rows) AS reference_rows, psi, psi_corrected, p_value, p_adjusted, ks_low, ks_high,
  jensen_shannon, kl, wasserstein, chi_square, chi_square_p_value, null_rate, reference_null_rate, unseen_rate,
  out_of_range_rate, verdict, is_critical, problems, state`;

/** The halves of the market, or of the 200 rows of it that the fixture has. */
function readHalves(): { readonly first: readonly ScoredRow[]; readonly second: readonly ScoredRow[] } {
  const scores = readScores();
  const { first_row, step } = elecGolden.sample;
  const rows = marketIsMissing
    ? parseMarket(readFileSync(join(ELEC_FOLDER, "sample.csv"), "utf8")).map((row, index) => ({
        ...row,
        score: scores[first_row + index * step] as number,
      }))
    : readMarket().map((row, index) => ({ ...row, score: scores[index] as number }));
  const half = rows.length / 2;
  return { first: rows.slice(0, half), second: rows.slice(half) };
}

function draw(random: Random, rows: readonly ScoredRow[], count: number): ScoredRow[] {
  return Array.from({ length: count }, () => rows[random.between(0, rows.length - 1)] as ScoredRow);
}

/** Window after window up to the last one that is over, a few rows each second minute. */
function dated(windows: readonly (readonly ScoredRow[])[]): DatedRow[] {
  const endMs = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
  return windows.flatMap((rows, index) => {
    const startMs = endMs - (windows.length - index) * WINDOW_MS;
    return rows.map((row, at) => ({
      ...row,
      dateMs: startMs + Math.floor((at * WINDOW_MS) / rows.length / 60_000) * 60_000,
    }));
  });
}

/** The market's model under these names. */
async function serveModels(engine: TestEngine, names: readonly string[]): Promise<ModelManifest[]> {
  const nats = await connect({ servers: engine.natsUrl, noAsyncTraces: true });
  const { manifest, files } = await readModelFolder(ELEC_FOLDER);
  const manifests = names.map((name) => ({ ...manifest, name }));
  const registry = await openModelRegistry(nats);
  for (const one of manifests) {
    await registry.push({ manifest: one, files });
    await registry.promote(one.name, one.version);
  }
  await nats.close();
  return manifests;
}

/** By the command line, from a file. */
async function createReference(engine: TestEngine, model: string, rows: readonly ScoredRow[]): Promise<void> {
  await using folder = await createTempFolder();
  const values = columnValues(rows);
  const names = columnsOf(rows).map(({ name }) => name);
  const lines = rows.map((_, at) => names.map((name) => String(values.get(name)?.[at])).join(","));
  const file = join(folder.path, "reference.csv");
  await writeFile(file, `${names.join(",")}\n${lines.join("\n")}\n`);
  const { code, stderr } = await runCli([
    "reference",
    "create",
    model,
    "--url",
    engine.httpUrl,
    "--file",
    file,
  ]);
  assert.equal(code, 0, stderr);
}

async function windowsJudged(engine: TestEngine): Promise<number> {
  const [found] = await engine.sql<{ windows: string }>(
    "SELECT count() AS windows FROM millrace.drift_reports WHERE role = 'window' AND rows > 0",
  );
  return Number(found?.windows);
}

interface Expected {
  readonly reports: readonly Readonly<Record<string, unknown>>[];
  readonly changes: readonly IncidentChange[];
  /** What the detectors of scores found. */
  readonly alarms: readonly unknown[];
  /** Of the last window with rows. */
  readonly endS: number;
}

/** What the same rows come to in a monitor that nobody kills; scores have the order of their ids, which the stored ones tell. */
async function expect(engine: TestEngine, model: string, rows: readonly DatedRow[]): Promise<Expected> {
  const answer = await engine.get(`/models/${model}/versions/1.0.0/reference`);
  const { profile, reference_id: referenceId } = await jsonOf<ReferenceDocument & ReferenceRecord>(answer);
  const tables = new DriftTables(profile, rows);
  const monitor = tables.monitor(SETTINGS, new ScoreStore(engine.clickhouse(), "millrace"));
  const endMs = (rows[0] as DatedRow).dateMs + WINDOWS_EACH * WINDOW_MS;
  await monitor.round([{ model, version: "1.0.0", referenceId, profile, texts: [] }], endMs + SLACK_MS);
  const changes = tables.told.flatMap((window) => window.changes);
  const alarms = tables.told.flatMap((window) => toScoreEvents(window)).map(({ body }) => body);
  return { reports: tables.reports, changes, alarms, endS: endMs / 1000 };
}

async function storedReports(engine: TestEngine, model: string, untilS: number) {
  return engine.sql(
    `SELECT ${REPORT} FROM millrace.drift_reports WHERE model_name = {model:String} AND window_end <= {untilS:UInt32}
     ORDER BY window_end, role, feature`,
    { model, untilS },
  );
}

/** The expected rows in the columns and the order of the stored ones. */
function asStored(
  reports: readonly Readonly<Record<string, unknown>>[],
  columns: readonly string[],
): Record<string, unknown>[] {
  const roles = ["window", "input", "output"];
  const keyOf = (row: Readonly<Record<string, unknown>>): string =>
    `${String(row["window_end"])} ${roles.indexOf(String(row["role"]))} ${String(row["feature"])}`;
  return reports
    .toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    .map((row) =>
      Object.fromEntries(columns.map((column) => [column, row[column] ?? (column === "state" ? "" : null)])),
    );
}

async function killControlPlane(engine: TestEngine): Promise<void> {
  process.kill(await eventually("it runs", () => pidOf(engine, "control"), WAIT_MS), "SIGKILL");
}

/** Predicts over HTTP, and waits until the monitor's next round has counted that; the verdict on all since `fromMs`. */
async function predictAndCount(
  engine: TestEngine,
  rows: readonly ScoredRow[],
  { fromMs, counted }: { readonly fromMs: number; readonly counted: number },
): Promise<string> {
  const instances = rows.map(({ features }) => ({ features }));
  assert.equal((await engine.post("/predict/batch", { model: "elec", instances })).status, 200);
  const query = `from=${new Date(fromMs).toISOString()}&to=${new Date(Date.now() + 60_000).toISOString()}`;
  const { verdict } = await eventually(
    "the predictions are counted",
    async () => {
      const answer = await engine.get(`/monitoring/elec/drift?${query}`);
      const drift = await jsonOf<{ rows: number; verdict: string }>(answer);
      return drift.rows === counted + rows.length && drift;
    },
    WAIT_MS,
  );
  return verdict;
}

test("drift is one incident, one alert and one retraining job, whenever the control plane is killed; rows without drift are none", {
  skip: !CONTROL_PLANE_FOUND,
}, async (t) => {
  const random = createRandom();
  const { first, second } = readHalves();
  const windows = (rows: readonly ScoredRow[], count: number): ScoredRow[][] =>
    Array.from({ length: count }, () => draw(random, rows, WINDOW_ROWS));
  await using engine = await startTestEngine({ sample: false, env: { MILLRACE_TRAINERS: "0" } });
  const histories = new Map([
    ["elec", dated([...windows(first, STILL_WINDOWS), ...windows(second, DRIFT_WINDOWS)])],
    ["elec-still", dated(windows(first, STILL_WINDOWS + DRIFT_WINDOWS))],
  ]);
  await logPast(engine, histories);
  for (const model of histories.keys())
    await createReference(engine, model, draw(random, first, REFERENCE_ROWS));
  const killedAt = await killOnTheWay(engine, random);
  t.diagnostic(`TEST_SEED=${random.seed}: killed after ${killedAt.join(" and ")} of ${WINDOWS} windows`);

  const expected = new Map<string, Expected>();
  for (const [model, rows] of histories) {
    const one = await expect(engine, model, rows);
    expected.set(model, one);
    const stored = await storedReports(engine, model, one.endS);
    assert.deepEqual(stored, asStored(one.reports, Object.keys(stored[0] ?? {})), model);
  }
  assert.deepEqual(expected.get("elec-still")?.changes, []);
  assert.deepEqual(expected.get("elec-still")?.alarms, []);
  const [opened] = expected.get("elec")?.changes ?? [];
  assert.ok(opened?.change === "opened" && opened.incident.severity === "critical");
  await eventually("the job is published", async () => (await jobsOf(engine)).ever > 0, WAIT_MS);

  // two more rounds, which have live predictions to count beside the past ones
  const counted = { fromMs: histories.get("elec")?.[0]?.dateMs ?? 0, counted: WINDOW_ROWS * WINDOWS_EACH };
  const live = draw(random, second, LIVE_ROWS);
  assert.equal(await predictAndCount(engine, live, counted), "drift");
  await predictAndCount(engine, live, { ...counted, counted: counted.counted + LIVE_ROWS });
  await checkEvents(engine, expected.get("elec") as Expected);
  await checkTold(engine, opened.incident);
});

/** Both models in production with windows of five minutes, and their histories in ClickHouse. */
async function logPast(
  engine: TestEngine,
  histories: ReadonlyMap<string, readonly DatedRow[]>,
): Promise<void> {
  for (const manifest of await serveModels(engine, [...histories.keys()])) {
    const response = await fetch(new URL(`/monitoring/${manifest.name}/settings`, engine.httpUrl), {
      method: "PUT",
      body: JSON.stringify(SETTINGS),
      headers: { "content-type": "application/json" },
    });
    assert.equal(response.status, 200);
    await publishPast(engine.natsUrl, manifest, histories.get(manifest.name) ?? []);
  }
  const rows = WINDOWS * WINDOW_ROWS;
  await eventually("all are stored", async () => (await countOf(engine, "predictions")) === rows, WAIT_MS);
}

/** While it counts, and twice while it judges; returns after how many windows that was, when all are judged. */
async function killOnTheWay(engine: TestEngine, random: Random): Promise<number[]> {
  await eventually("some are counted", async () => (await countOf(engine, "feature_counts")) > 0, WAIT_MS);
  const killedAt: number[] = [];
  await killControlPlane(engine);
  while (killedAt.length < 2) {
    const judged = random.between(1, WINDOWS / 2 - 1) + killedAt.length * (WINDOWS / 2);
    const isReached = async (): Promise<boolean> => (await windowsJudged(engine)) >= judged;
    await eventually("some windows are judged", isReached, WAIT_MS);
    await killControlPlane(engine);
    killedAt.push(await windowsJudged(engine));
  }
  await eventually("all are judged", async () => (await windowsJudged(engine)) === WINDOWS, WAIT_MS);
  return killedAt;
}

/** Each change of the incident is told once, an alert and a job of it too, and nothing of the other model. */
async function checkEvents(engine: TestEngine, { changes, alarms, endS }: Expected): Promise<void> {
  const { messages: all } = await messagesOf(engine.natsUrl, TOPOLOGY.eventsStream);
  // the window of the live predictions may end meanwhile
  const messages = all.filter(
    ({ subject, body: { window_end } }) =>
      !VERSION_EVENTS.includes(subject) &&
      (typeof window_end !== "string" || Date.parse(window_end) <= endS * 1000),
  );
  const of = (kind: string): unknown[] =>
    messages.filter(({ subject }) => subject === TOPOLOGY.eventsSubject(kind)).map(({ body }) => body);
  assert.deepEqual(
    of("drift_detected"),
    toEvents(changes).map(({ body }) => JSON.parse(JSON.stringify(body)) as unknown),
  );
  const counts = ["alert_raised", "retraining_requested"].map((kind) => of(kind).length);
  assert.deepEqual(counts, [1, 1]);
  assert.deepEqual(of("change_detected"), alarms);
  assert.equal(messages.length, changes.length + alarms.length + 2);
}

/** One alert, one job, and the incident over REST; nothing of the other model. */
async function checkTold(
  engine: TestEngine,
  { id, referenceId, firstWindowMs, openedMs }: Incident,
): Promise<void> {
  const alerts = await engine.sql<Record<string, unknown>>(
    "SELECT change, state, rule, model_name FROM millrace.alerts FINAL WHERE change NOT IN ('delivered', 'undelivered')",
  );
  assert.deepEqual(alerts, [
    { change: "raised", state: "raised", rule: "drift-incident", model_name: "elec" },
  ]);
  const { ever, messages } = await jobsOf(engine);
  const [job] = messages;
  assert.deepEqual([ever, messages.length, job?.subject], [1, 1, TOPOLOGY.retrainSubject("elec")]);
  const request = parseRetrainRequest(job?.body);
  assert.equal(request.cause, "drift");
  assert.deepEqual(
    request.evidence.map(({ incident_id, reference_id, windows }) => ({
      incident_id,
      reference_id,
      windows,
    })),
    [
      {
        incident_id: id,
        reference_id: referenceId,
        windows: [{ from: new Date(firstWindowMs).toISOString(), to: new Date(openedMs).toISOString() }],
      },
    ],
  );
  const overviewOf = async (model: string): Promise<{ drift: { incidents: { incident_id: string }[] }[] }> =>
    jsonOf(await engine.get(`/monitoring/${model}`));
  const open = (await overviewOf("elec")).drift.flatMap(({ incidents }) => incidents);
  assert.deepEqual(
    open.map(({ incident_id }) => incident_id),
    [id],
  );
  const still = (await overviewOf("elec-still")).drift.flatMap(({ incidents }) => incidents);
  assert.deepEqual(still, []);
}

async function jobsOf(engine: TestEngine) {
  return messagesOf(engine.natsUrl, TOPOLOGY.retrainStream);
}

async function countOf(engine: TestEngine, table: string): Promise<number> {
  const [found] = await engine.sql<{ rows: string }>(`SELECT count() AS rows FROM millrace.${table}`);
  return Number(found?.rows);
}
