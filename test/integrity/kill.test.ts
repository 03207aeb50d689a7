/**
 * Nothing that was promised is lost and nothing stands twice, whatever is killed while it works.
 *
 * Under steady load over HTTP and through the stream, one process after the other is killed with SIGKILL: the
 * engine, nats-server, ClickHouse, the control plane, and some of them together. After each kill new requests must be
 * answered and reach ClickHouse. In the end the books are compared. TEST_SEED repeats a run, as far as time lets it.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { PAYMENT } from "../support/card-fraud.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { HttpConnection } from "../support/http-client.ts";
import { HttpLoad } from "../support/http-load.ts";
import { pidOf, TARGETS, type Target } from "../support/processes.ts";
import { createRandom } from "../support/random.ts";
import { compareStored, publishedRequestIds, untilDrained } from "../support/stored.ts";
import { StreamLoad } from "../support/stream-load.ts";
import { assertTrafficIsExact } from "../support/traffic.ts";

const ROUNDS_PER_TARGET = 5;
/** Killed at the same moment. */
const PAIRS: readonly (readonly Target[])[] = [
  ["nats", "clickhouse"],
  ["nats", "control"],
  ["clickhouse", "control"],
  ["engine", "nats"],
];
const LOAD_MS = { low: 50, high: 1_000 } as const;
const RECOVERY_MS = 60_000;
const CONTROL_PLANE_FOUND = existsSync("/proc/self/cmdline");

test("whatever is killed, every answered prediction is stored once and every accepted request is answered", async (t) => {
  const random = createRandom();
  t.diagnostic(`TEST_SEED=${random.seed}`);
  await using engine = await startTestEngine({ env: await fixedPorts() });
  await using http = new HttpLoad({ url: () => engine.httpUrl, clients: 6, thinkMs: 5 });
  await using stream = await StreamLoad.open({
    natsUrl: engine.natsUrl,
    subject: "millrace.requests.card-fraud",
    producers: 4,
    thinkMs: 5,
  });
  http.start();
  stream.start();
  const targets = TARGETS.filter((target) => target !== "control" || CONTROL_PLANE_FOUND);
  const alone = targets.flatMap((target) => Array.from({ length: ROUNDS_PER_TARGET }, () => [target]));
  const together = PAIRS.filter((pair) => pair.every((target) => targets.includes(target)));
  const rounds = random.shuffled<readonly Target[]>([...alone, ...together]);
  for (const [index, victims] of rounds.entries()) {
    await delay(random.between(LOAD_MS.low, LOAD_MS.high));
    const { answeredMs, storedMs } = await killAndRecover(engine, stream, index + 1, victims);
    t.diagnostic(
      `round ${index + 1}: ${victims.join(" + ")} killed; answered after ${answeredMs} ms, stored after ${storedMs} ms`,
    );
  }
  await Promise.all([http.stop(), stream.stop()]);
  await compareBooks(t, engine, http, stream, rounds.length);
});

/** The proof that all works again: requests made after the kill, over HTTP and by stream, reach ClickHouse. */
async function killAndRecover(
  engine: TestEngine,
  stream: StreamLoad,
  round: number,
  targets: readonly Target[],
) {
  const pids = [];
  for (const target of targets)
    pids.push(await eventually(`${target} runs`, () => pidOf(engine, target), RECOVERY_MS));
  const killedMs = performance.now();
  for (const pid of pids) process.kill(pid, "SIGKILL");
  if (targets.includes("engine")) {
    await engine.kill9();
    await engine.start();
  }
  const requestId = `probe-${round}`;
  const [predictionId] = await Promise.all([
    eventually("predictions after the kill", async () => predict(engine), RECOVERY_MS),
    stream.request(requestId),
  ]);
  const answeredMs = Math.round(performance.now() - killedMs);
  await eventually(
    "rows are stored after the kill",
    async () => {
      const rows = await engine.sql(
        "SELECT 1 FROM millrace.predictions WHERE prediction_id = {predictionId:UUID} OR request_id = {requestId:String}",
        { predictionId, requestId },
      );
      return rows.length >= 2;
    },
    RECOVERY_MS,
  );
  return { answeredMs, storedMs: Math.round(performance.now() - killedMs) };
}

async function predict(engine: TestEngine): Promise<string | undefined> {
  const connection = new HttpConnection();
  const outcome = await connection.post(
    new URL("/predict", engine.httpUrl),
    JSON.stringify({ features: PAYMENT }),
  );
  connection.close();
  if (outcome.kind !== "answered" || outcome.status !== 200) return undefined;
  return (JSON.parse(outcome.body) as { prediction_id: string }).prediction_id;
}

async function compareBooks(
  t: TestContext,
  engine: TestEngine,
  http: HttpLoad,
  stream: StreamLoad,
  rounds: number,
): Promise<void> {
  const sink = await untilDrained(engine);
  const predictions = await compareStored(engine, "prediction_id", http.answered);
  const requests = await compareStored(engine, "request_id", stream.acknowledged);
  const published = await publishedRequestIds(engine);
  const unpublished = stream.acknowledged.filter((id) => !published.has(id));
  const outages = [...http.unanswered].map(([why, count]) => `${count} × ${why}`).join(", ");
  t.diagnostic(
    `${rounds} rounds; ${http.answered.length} answered over HTTP (without an answer: ${outages}); ` +
      `${stream.acknowledged.length} requests acknowledged (${stream.retries} publishes tried again); ` +
      `${predictions.rows} rows stored, ${published.size} results published; ` +
      `${sink.repeats} repeats dropped since the control plane's last start`,
  );
  assert.deepEqual(http.surprises, [], "answers that are neither 200 nor 503");
  assert.ok(http.answered.length > 1_000 && stream.acknowledged.length > 1_000, "there was load");
  assert.deepEqual(predictions.missing.slice(0, 10), [], "answered and not stored");
  assert.equal(predictions.doubled, 0, "predictions stored twice");
  assert.deepEqual(requests.missing.slice(0, 10), [], "acknowledged by the stream and not stored");
  assert.equal(requests.doubled, 0, "requests stored twice");
  assert.deepEqual(unpublished.slice(0, 10), [], "acknowledged by the stream and never answered there");
  await assertTrafficIsExact(engine.clickhouse());
}
