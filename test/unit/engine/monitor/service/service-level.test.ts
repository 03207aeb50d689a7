/** Service levels: compliance, error budget, burn rate, and what counts as an event. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  availableMinutes,
  minutesInTime,
  rowsInTime,
  rowsWithoutError,
  serviceLevel,
  soundWindows,
} from "../../../../../engine/monitor/service/service-level.ts";
import { assertClose } from "../../../../support/close.ts";

const MINUTE = 60_000;
const END = Date.UTC(2026, 10, 1);
/** A minute that began so many minutes before the end. */
const before = (minutes: number) => END - minutes * MINUTE;

describe("a service level", () => {
  it("spends its budget as the workbook reckons: 99.9 % of a million may miss a thousand", () => {
    const events = [{ time: before(10_000), good: 999_250, valid: 1_000_000 }];
    const level = serviceLevel(events, 0.999, END);
    assert.deepEqual(
      [level.good, level.valid, level.compliance, level.is_met],
      [999_250, 1_000_000, 0.99925, true],
    );
    assertClose(
      [level.error_budget, level.error_budget_left, level.burn_rate],
      [1000, 0.25, 0.75],
      "budget",
      1e-12,
    );
  });

  it("burns 14.4 times as fast when 1.44 % of an hour fails under 99.9 %", () => {
    const hour = Array.from({ length: 60 }, (_, minute) => ({
      time: before(minute + 1),
      good: 9856,
      valid: 10_000,
    }));
    const quiet = Array.from({ length: 300 }, (_, minute) => ({
      time: before(minute + 61),
      good: 10_000,
      valid: 10_000,
    }));
    const { burn_rates, error_budget_left } = serviceLevel([...quiet, ...hour], 0.999, END);
    assertClose(
      burn_rates.map(({ minutes, burn_rate }) => [minutes, burn_rate]),
      [
        [5, 14.4],
        [30, 14.4],
        [60, 14.4],
        [360, 2.4],
        [4320, 2.4],
      ],
      "burn rates",
      1e-9,
    );
    assertClose(error_budget_left, 1 - 2.4, "overdrawn", 1e-9);
  });

  it("is met exactly at its target, whatever the rounding", () => {
    for (let percent = 1; percent <= 100; percent += 1) {
      const at = (good: number) => serviceLevel([{ time: before(1), good, valid: 100 }], percent / 100, END);
      assert.ok(at(percent).is_met, `${percent}`);
      assert.ok(!at(percent - 1).is_met, `${percent}`);
      if (percent < 100) assertClose(at(percent).error_budget_left, 0, `${percent}`, 1e-12);
    }
  });

  it("without events, or with nothing that may fail, has null instead of NaN", () => {
    const none = serviceLevel([], 0.99, END);
    assert.deepEqual(
      [none.compliance, none.is_met, none.error_budget_left, none.burn_rate],
      [null, null, null, null],
    );
    const strict = serviceLevel([{ time: before(1), good: 9, valid: 10 }], 1, END);
    assert.deepEqual([strict.is_met, strict.error_budget, strict.error_budget_left], [false, 0, null]);
    assert.deepEqual(JSON.parse(JSON.stringify([none, strict])), [none, strict]);
  });

  it("does not depend on the order of the minutes, and looks back from the end alone", () => {
    const events = [
      { time: before(4), good: 1, valid: 2 },
      { time: before(5), good: 1, valid: 2 },
      { time: before(6), good: 0, valid: 2 },
      { time: END, good: 0, valid: 2 },
    ];
    const { burn_rates } = serviceLevel(events, 0.5, END);
    assert.deepEqual(burn_rates[0], { minutes: 5, burn_rate: 1 });
    assert.deepEqual(serviceLevel(events.toReversed(), 0.5, END).burn_rates, burn_rates);
  });
});

describe("good events", () => {
  const minutes = [
    { time: before(3), rows: 100, errors: 10, slow: 9 },
    { time: before(2), rows: 0, errors: 0 },
    { time: before(1), rows: 50, errors: 0, slow: 1 },
  ];
  const counts = (events: readonly { good: number; valid: number }[]) =>
    events.map(({ good, valid }) => [good, valid]);

  it("are answered rows in time, or minutes whose quantile was", () => {
    assert.deepEqual(counts(rowsInTime(minutes)), [
      [81, 90],
      [49, 50],
    ]);
    assert.deepEqual(counts(minutesInTime(minutes, 0.9)), [
      [1, 1],
      [1, 1],
    ]);
    assert.deepEqual(counts(minutesInTime(minutes, 0.95)), [
      [0, 1],
      [1, 1],
    ]);
  });

  it("are rows without an error, or minutes with few of them", () => {
    assert.deepEqual(counts(rowsWithoutError(minutes)), [
      [90, 100],
      [0, 0],
      [50, 50],
    ]);
    assert.deepEqual(counts(availableMinutes(minutes, 0.1)), [
      [1, 1],
      [1, 1],
    ]);
    assert.deepEqual(counts(availableMinutes(minutes, 0.09)), [
      [0, 1],
      [1, 1],
    ]);
  });

  it("are windows whose metric is on the right side; unknown ones do not count", () => {
    const windows = [0.9, 0.8, null, 0.7].map((value, window) => ({ time: window, value: { value } }));
    assert.deepEqual(counts(soundWindows(windows, "roc_auc", 0.8)), [
      [1, 1],
      [1, 1],
      [0, 1],
    ]);
    assert.deepEqual(counts(soundWindows(windows, "log_loss", 0.8)), [
      [0, 1],
      [1, 1],
      [1, 1],
    ]);
  });
});
