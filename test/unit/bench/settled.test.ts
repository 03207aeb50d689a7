/** When a measurement is repeated often enough, and which rate a server bears. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { highestRate } from "../../../bench/load/highest-rate.ts";
import { isSettled, untilSettled } from "../../../bench/load/settled.ts";

describe("repeated windows", () => {
  it("end for each subject when its last three agree, in turn", async () => {
    const order: string[] = [];
    const values = { calm: [100, 101, 102], restless: [10, 50, 100, 101, 99] };
    const next = { calm: 0, restless: 0 };
    const settled = await untilSettled(
      ["calm", "restless"] as const,
      async (subject) => {
        order.push(subject);
        return values[subject][next[subject]++] as number;
      },
      (value) => value,
    );
    assert.deepEqual([settled.calm.result, settled.calm.windows], [101, 3]);
    assert.deepEqual([settled.restless.result, settled.restless.windows], [100, 5]);
    assert.deepEqual(order.slice(0, 4), ["calm", "restless", "calm", "restless"]);
    assert.ok(isSettled(settled.calm) && isSettled(settled.restless));
  });

  it("end unsettled, and say so", async () => {
    let window = 0;
    const { one } = await untilSettled(
      ["one"],
      async () => ++window * 100,
      (value) => value,
      4,
    );
    assert.deepEqual([one.windows, one.result, isSettled(one)], [4, 300, false]);
  });
});

describe("the highest rate", () => {
  it("is found to a thirty-second of the ceiling", async () => {
    const { rate, steps } = await highestRate(
      3_200,
      async (asked) => asked,
      (asked) => asked <= 1_000,
    );
    assert.equal(rate, 1_000);
    assert.equal(steps.length, 5);
  });

  it("is 0 when not even the lowest is borne", async () => {
    assert.equal(
      (
        await highestRate(
          100,
          async (asked) => asked,
          () => false,
        )
      ).rate,
      0,
    );
  });
});
