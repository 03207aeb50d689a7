/**
 * Labels are sent while the control plane is killed again and again, and while ClickHouse is away: in the end each is stored once,
 * and each prediction has the label that was sent last.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "../support/card-fraud.ts";
import { PASSWORD, startTestClickhouse } from "../support/clickhouse.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { pidOf } from "../support/processes.ts";
import { createRandom } from "../support/random.ts";

const ROUNDS = 8;
const PREDICTIONS = 200;
const LOAD_MS = { low: 50, high: 700 } as const;
const STORED_MS = 60_000;
const CONTROL_PLANE_FOUND = existsSync("/proc/self/cmdline");

/** Sends labels of the same predictions over and over, every second request twice. */
class LabelLoad {
  /** What was said last of each prediction, and how often something else was said. */
  readonly last = new Map<string, string>();
  labels = 0;
  readonly #running: Promise<void>;
  #isStopping = false;

  constructor(engine: TestEngine, ids: readonly string[]) {
    this.#running = this.#send(engine, ids);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
  }

  async #send(engine: TestEngine, ids: readonly string[]): Promise<void> {
    for (let round = 0; !this.#isStopping; round++) {
      const label = round % 2 === 0 ? "fraud" : "legitimate";
      const some = ids.filter((_, index) => index % 4 === round % 3);
      const labels = some.map((id) => ({ prediction_id: id, label, label_time: 1_790_000_000_000 + round }));
      for (let copy = 0; copy <= round % 2; copy++) {
        const answer = await engine.post("/labels", { model_name: "card-fraud", labels });
        assert.equal(answer.status, 202, await answer.text());
      }
      for (const id of some) this.last.set(id, label);
      this.labels += some.length;
    }
  }
}

async function predictMany(engine: TestEngine): Promise<string[]> {
  const instances = Array.from({ length: PREDICTIONS }, () => ({ features: PAYMENT }));
  const answer = await engine.post("/predict/batch", { instances });
  const { predictions } = (await answer.json()) as { predictions: { prediction_id: string }[] };
  return predictions.map((one) => one.prediction_id);
}

/** Nothing is lost, nothing stands twice, and each prediction is joined once, to what was said last. */
async function compare(engine: TestEngine, load: LabelLoad): Promise<string> {
  await eventually(
    "all labels and their predictions are stored",
    async () => {
      const [found] = await engine.sql<{ labels: number; predictions: number }>(
        "SELECT (SELECT count() FROM millrace.labels) AS labels, (SELECT count() FROM millrace.predictions) AS predictions",
      );
      return Number(found?.labels) >= load.labels && Number(found?.predictions) >= load.last.size;
    },
    STORED_MS,
  );
  const [stored] = await engine.sql<{ rows: number; messages: number }>(
    "SELECT count() AS rows, uniqExact(log_epoch, log_seq) AS messages FROM millrace.labels",
  );
  assert.deepEqual([Number(stored?.rows), Number(stored?.messages)], [load.labels, load.labels]);
  const joined = await engine.sql<{ prediction_id: string; label_class: string }>(
    `SELECT prediction_id, label_class FROM millrace.labelled_predictions(
       model = 'card-fraud', from = now() - 3600, to = now() + 3600)`,
  );
  assert.equal(joined.length, load.last.size, "each prediction is joined once");
  assert.deepEqual(new Map(joined.map((row) => [row.prediction_id, row.label_class])), load.last);
  return `${load.labels} labels of ${load.last.size} predictions`;
}

test("labels are stored once and joined to what was said last while the control plane is killed", {
  skip: !CONTROL_PLANE_FOUND,
}, async (t) => {
  const random = createRandom();
  await using engine = await startTestEngine();
  const load = new LabelLoad(engine, await predictMany(engine));
  try {
    for (let round = 0; round < ROUNDS; round++) {
      await delay(random.between(LOAD_MS.low, LOAD_MS.high));
      process.kill(await eventually("it runs", () => pidOf(engine, "control"), STORED_MS), "SIGKILL");
    }
  } finally {
    await load.stop();
  }
  t.diagnostic(`TEST_SEED=${random.seed}: ${ROUNDS} kills, ${await compare(engine, load)}`);
});

test("labels are taken while ClickHouse is away, and stored afterwards, also those that were there before their prediction", async (t) => {
  const ports = await fixedPorts();
  const port = Number(ports["MILLRACE_CLICKHOUSE_PORT"]);
  let clickhouse = await startTestClickhouse({ port });
  try {
    await using engine = await startTestEngine({
      env: { ...ports, CLICKHOUSE_URL: `http://millrace:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}` },
    });
    await clickhouse.stop("SIGKILL");
    const load = new LabelLoad(engine, await predictMany(engine));
    try {
      await eventually("there was load", () => load.labels > 2_000, STORED_MS);
      const counts = await engine.get("/monitoring/card-fraud/labels");
      assert.equal(counts.status, 503);
      clickhouse = await startTestClickhouse({ port, dataDir: clickhouse.dataDir });
    } finally {
      await load.stop();
    }
    t.diagnostic(await compare(engine, load));
  } finally {
    await clickhouse.remove();
  }
});

test("a label that comes again behind a restart of the control plane is known", {
  skip: !CONTROL_PLANE_FOUND,
}, async () => {
  await using engine = await startTestEngine();
  const [first = "", second = ""] = await predictMany(engine);
  const send = async (...labels: readonly object[]) =>
    assert.equal((await engine.post("/labels", { model_name: "card-fraud", labels })).status, 202);
  const storedLabels = async () =>
    (
      await engine.sql<{ label_class: string }>("SELECT label_class FROM millrace.labels ORDER BY log_seq")
    ).map((row) => row.label_class);
  const unnamed = { prediction_id: first, label: "fraud" };
  const named = { prediction_id: second, label: "fraud", label_id: "case" };
  await send(unnamed, named);
  await eventually("they are stored", async () => (await storedLabels()).length === 2, STORED_MS);
  process.kill(await eventually("it runs", () => pidOf(engine, "control"), STORED_MS), "SIGKILL");
  await send(unnamed, { ...named, label_id: "other" }, { prediction_id: first, label: "last" });
  await eventually("the last one is stored", async () => (await storedLabels()).includes("last"), STORED_MS);
  assert.deepEqual(await storedLabels(), ["fraud", "fraud", "fraud", "last"]);
});
