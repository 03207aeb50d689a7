/**
 * ClickHouse is away for a minute under load: no request fails, memory stays bounded, and all rows arrive afterwards.
 *
 * What is logged meanwhile is several times what the sink may hold, so rows can only have waited in the stream.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PASSWORD, startTestClickhouse } from "../support/clickhouse.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { fixedPorts } from "../support/fixed-ports.ts";
import { HttpLoad } from "../support/http-load.ts";
import { pidOf, residentBytes } from "../support/processes.ts";
import { compareStored, untilDrained } from "../support/stored.ts";
import { StreamLoad } from "../support/stream-load.ts";

const AWAY_MS = 60_000;
/** Load before the outage, after which memory is measured: heaps grow for half a minute to what the load needs, outage or not. */
const WARM_MS = 40_000;
const SINK_BYTES_MAX = 1024 * 1024;
const MIB = 1024 * 1024;
/** What the engine's two processes may grow by while ClickHouse is away. */
const GROWTH_BYTES_MAX = 64 * MIB;

test("while ClickHouse is away for a minute, every request is answered, memory stays bounded and no row is lost", async (t) => {
  const ports = await fixedPorts();
  const port = Number(ports["MILLRACE_CLICKHOUSE_PORT"]);
  let clickhouse = await startTestClickhouse({ port });
  const url = `http://millrace:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}`;
  try {
    await using engine = await startTestEngine({
      env: { ...ports, CLICKHOUSE_URL: url, MILLRACE_SINK_BYTES_MAX: String(SINK_BYTES_MAX) },
    });
    await using single = new HttpLoad({ url: () => engine.httpUrl, clients: 4, thinkMs: 5 });
    await using batches = new HttpLoad({ url: () => engine.httpUrl, clients: 2, thinkMs: 25, rows: 25 });
    await using stream = await StreamLoad.open({
      natsUrl: engine.natsUrl,
      subject: "millrace.requests.card-fraud",
      producers: 2,
      thinkMs: 5,
    });
    for (const load of [single, batches, stream]) load.start();
    const before = await peakMemory(engine, WARM_MS);
    await clickhouse.stop("SIGKILL");
    const answeredBefore = single.answered.length + batches.answered.length;
    const during = await peakMemory(engine, AWAY_MS);
    const answeredAway = single.answered.length + batches.answered.length - answeredBefore;
    const lag = await logLag(engine);
    clickhouse = await startTestClickhouse({ port, dataDir: clickhouse.dataDir });
    const returnedMs = performance.now();
    await eventually("the sink is at work again", async () => (await logLag(engine)) < lag, 30_000);
    await Promise.all([single.stop(), batches.stop(), stream.stop()]);
    await untilDrained(engine);
    const drainedMs = Math.round(performance.now() - returnedMs);
    const answered = [...single.answered, ...batches.answered];
    const predictions = await compareStored(engine, "prediction_id", answered);
    const requests = await compareStored(engine, "request_id", stream.acknowledged);
    t.diagnostic(
      `${answeredAway} of ${answered.length} rows answered and ${stream.acknowledged.length} requests acknowledged; ` +
        `${lag} blocks waited, drained ${drainedMs} ms after the return; ${predictions.rows} rows stored; ` +
        `peak memory of engine + control plane ${mib(before)} MiB before, ${mib(during)} MiB while away`,
    );
    const failures = [...single.unanswered, ...batches.unanswered].map(([why, count]) => `${count} × ${why}`);
    assert.deepEqual(failures, [], "requests without an answer");
    assert.deepEqual([...single.surprises, ...batches.surprises], [], "answers other than 200");
    assert.equal(stream.retries, 0, "the stream took every request at once");
    assert.ok(lag > 0 && answeredAway > 10_000, "there was load while ClickHouse was away");
    assert.ok(during - before < GROWTH_BYTES_MAX, `memory grew by ${mib(during - before)} MiB`);
    assert.deepEqual(predictions.missing.slice(0, 10), [], "answered and not stored");
    assert.deepEqual(requests.missing.slice(0, 10), [], "acknowledged and not stored");
    assert.equal(predictions.doubled, 0, "predictions stored twice");
  } finally {
    await clickhouse.remove();
  }
});

/** The most that the engine's processes held together in this time. */
async function peakMemory(engine: TestEngine, forMs: number): Promise<number> {
  const endMs = performance.now() + forMs;
  let peak = 0;
  await eventually(
    "the time has passed",
    () => {
      const control = pidOf(engine, "control");
      const bytes = residentBytes(engine.pid) + (control === undefined ? 0 : residentBytes(control));
      peak = Math.max(peak, bytes);
      return performance.now() >= endMs;
    },
    forMs + 5_000,
  );
  return peak;
}

async function logLag(engine: TestEngine): Promise<number> {
  const text = await (await engine.get("/metrics")).text();
  return Number(/^engine_log_lag_messages (\d+)/m.exec(text)?.[1] ?? 0);
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
