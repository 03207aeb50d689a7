/**
 * Half a minute of requests without a pause: none fails, each is stored once, and memory stays where it was once heaps have grown to what
 * the load needs. `npm run bench -- soak --seconds 60` does the same for an hour, with latencies.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { runLoad } from "../../bench/load/run-load.ts";
import { failuresOf } from "../../bench/load/subject.ts";
import { requestBody, startBenchEngine } from "../../bench/setup.ts";
import { eventually } from "../support/eventually.ts";
import { residentBytes } from "../support/processes.ts";

const WINDOWS = 15;
const WINDOW_SECONDS = 2;
const RATE = 2_000;
const CONNECTIONS = 64;
const MIB = 1024 * 1024;
/** 3 kB of each of the 20,000 requests between the thirds that are compared would be more. */
const GROWTH_BYTES_MAX = 64 * MIB;

it("half a minute under load leaves memory as it was, and every prediction stored", async (t) => {
  await using engine = await startBenchEngine();
  const bodies = [await requestBody()];
  const resident: number[] = [];
  let answered = 0;
  for (let window = 1; window <= WINDOWS; window++) {
    const url = `${engine.httpUrl}/predict`;
    const load = await runLoad({
      url,
      bodies,
      connections: CONNECTIONS,
      seconds: WINDOW_SECONDS,
      rate: RATE,
      seed: window,
    });
    assert.equal(failuresOf(load), 0, JSON.stringify(load.statuses));
    answered += load.latency.count;
    resident.push(residentBytes(engine.pid));
  }
  // the least of a third: what collections leave
  const third = WINDOWS / 3;
  const [before, after] = [resident.slice(third, 2 * third), resident.slice(2 * third)].map((some) =>
    Math.min(...some),
  );
  t.diagnostic(
    `${answered} answered; MiB by window: ${resident.map((bytes) => Math.round(bytes / MIB)).join(" ")}`,
  );
  assert.ok((after as number) - (before as number) < GROWTH_BYTES_MAX, "memory grew");
  await eventually(
    "all are stored, each once",
    async () => {
      const [found] = await engine.sql<{ rows: string; ids: string }>(
        "SELECT count() AS rows, uniqExact(prediction_id) AS ids FROM millrace.predictions WHERE model_name = 'bench-trees'",
      );
      assert.equal(found?.rows, found?.ids);
      return Number(found?.rows) >= answered;
    },
    30_000,
  );
});
