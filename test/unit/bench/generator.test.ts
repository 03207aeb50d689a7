/** The load generator over servers that are functions: what it sends when, and what a stall costs. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Arrivals } from "../../../bench/load/arrivals.ts";
import type { Driver } from "../../../bench/load/driver.ts";
import { generate } from "../../../bench/load/generator.ts";

/** Answers after `delayMs(index)`, however many it is asked at once. */
function server(delayMs: (index: number) => number, status = 200): Driver {
  return {
    send: (_slot, index, done) => void setTimeout(() => done(status), delayMs(index)),
    close: async () => undefined,
  };
}

describe("the load generator", () => {
  it("has as many requests under way in a closed loop as there are connections", async () => {
    let underWay = 0;
    let most = 0;
    const driver: Driver = {
      send: (_slot, _index, done) => {
        most = Math.max(most, ++underWay);
        setTimeout(() => {
          underWay--;
          done(200);
        }, 2);
      },
      close: async () => undefined,
    };
    const { statuses, latency } = await generate({ connections: 7, seconds: 0.2 }, driver);
    assert.equal(most, 7);
    assert.equal(underWay, 0);
    assert.equal(statuses["200"], latency.count);
  });

  it("sends at the asked rate in an open loop, the same arrivals for the same seed", async () => {
    const { latency, unsent } = await generate(
      { connections: 50, seconds: 1, rate: 500, seed: 3 },
      server(() => 0),
    );
    const arrivals = new Arrivals(500, 3);
    let due = 0;
    for (; arrivals.next < 1_000; arrivals.advance()) due++;
    assert.equal(latency.count + unsent, due);
    assert.ok(Math.abs(due - 500) < 100, `${due}`);
  });

  it("counts a stall for every request that was due in it", async () => {
    // one connection is held up for 300 ms: what was due meanwhile waits for it
    const held = server((index) => (index === 20 ? 300 : 0));
    const job = { connections: 1, seconds: 1, seed: 5 };
    const open = await generate({ ...job, rate: 200 }, held);
    const closed = await generate(job, held);
    assert.ok(open.latency.p90 > 100, `${open.latency.p90}`);
    assert.ok(closed.latency.p90 < 100, `${closed.latency.p90}`);
  });

  it("keeps refusals apart from answers", async () => {
    const { rate, latency, refused, statuses } = await generate(
      { connections: 2, seconds: 0.1 },
      server(() => 1, 429),
    );
    assert.deepEqual([rate, latency.count], [0, 0]);
    assert.equal(refused.count, statuses["429"]);
    assert.ok(refused.p99 > 0);
  });
});
