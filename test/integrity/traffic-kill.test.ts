/**
 * The traffic tables count every stored prediction once, however often ClickHouse is killed between the part of an insert
 * and those of its views. TEST_SEED repeats a run, as far as time lets it.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { selectRows } from "../../storage/clickhouse.ts";
import { migrate } from "../../storage/migrate.ts";
import { PredictionStore } from "../../storage/prediction-store.ts";
import { TrafficCatchUp } from "../../storage/traffic-catch-up.ts";
import { startTestClickhouse, type TestClickhouse } from "../support/clickhouse.ts";
import { predictionRows } from "../support/prediction-rows.ts";
import { createRandom, type Random } from "../support/random.ts";
import { assertTrafficIsExact } from "../support/traffic.ts";

const ROUNDS = 20;
const EPOCH = 1_700_000_000_000;
const START_MS = Date.UTC(2026, 10, 2);
const ROWS_PER_MESSAGE = 50;
const MESSAGES_PER_INSERT = 100;
const LOGGER = pino({ level: "silent" });

test("traffic tables hold every stored row once, whenever ClickHouse is killed", async (t) => {
  const random = createRandom();
  t.diagnostic(`TEST_SEED=${random.seed}`);
  let server = await startTestClickhouse();
  const { dataDir } = server;
  let repaired = 0;
  try {
    for (let round = 1; round <= ROUNDS; round++) {
      const store = new PredictionStore(server.client, "millrace");
      await migrate(server.client, "millrace", LOGGER);
      await assertViewsAreBehind(server);
      if ((await new TrafficCatchUp(server.client, "millrace").run()) > 0) repaired++;
      await insertUntilKilled(server, store, random);
      server = await startTestClickhouse({ dataDir });
    }
    await new PredictionStore(server.client, "millrace").lastSeq(EPOCH);
    await assertTrafficIsExact(server.client);
    const [{ rows } = { rows: "0" }] = await selectRows<{ rows: string }>(
      server.client,
      "SELECT toString(count()) AS rows FROM millrace.predictions",
    );
    t.diagnostic(`${rows} rows; views were behind after ${repaired} of ${ROUNDS - 1} kills`);
    assert.ok(Number(rows) > ROUNDS * ROWS_PER_MESSAGE * MESSAGES_PER_INSERT, "there was load");
  } finally {
    await server.remove();
  }
});

/** What the catch-up builds on: no view ever holds more than the table. */
async function assertViewsAreBehind({ client }: TestClickhouse): Promise<void> {
  const [seqs] = await selectRows<{ stored: string; minutes: string; hours: string }>(
    client,
    `SELECT (SELECT max(log_seq) FROM millrace.predictions) AS stored,
      (SELECT max(last_seq) FROM millrace.traffic_minutes) AS minutes,
      (SELECT max(last_seq) FROM millrace.traffic_hours) AS hours`,
  );
  assert.ok(Number(seqs?.minutes) <= Number(seqs?.stored) && Number(seqs?.hours) <= Number(seqs?.stored));
}

async function insertUntilKilled(
  server: TestClickhouse,
  store: PredictionStore,
  random: Random,
): Promise<void> {
  let seq = await store.lastSeq(EPOCH);
  const killed = new AbortController();
  const insert = async (): Promise<void> => {
    const messages = Array.from({ length: MESSAGES_PER_INSERT }, (_, index) => seq + 1 + index);
    const rows = messages.flatMap((message) =>
      Array.from({ length: ROWS_PER_MESSAGE }, () => ({
        epoch: EPOCH,
        seq: message,
        dateMs: START_MS + message * 1_000,
        queueMs: random.next() * 20,
        inferenceMs: random.next() * 5,
      })),
    );
    await store.insert(predictionRows(rows), `${EPOCH}:${seq + 1}-${seq + MESSAGES_PER_INSERT}`);
    seq += MESSAGES_PER_INSERT;
  };
  await insert();
  await insert();
  const killing = delay(random.between(0, 120)).then(async () => {
    killed.abort();
    await server.stop("SIGKILL");
  });
  while (!killed.signal.aborted) await insert().catch(() => undefined);
  await killing;
}
