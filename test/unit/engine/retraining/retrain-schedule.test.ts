/** Times of schedules, over clock changes too. The expected times follow from the calendar. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nextTime } from "../../../../engine/retraining/retrain-schedule.ts";

const BERLIN = "Europe/Berlin";

/** The next times after `from`, as texts. */
function times(expression: string, time_zone: string, from: string, count: number): string[] {
  const found: string[] = [];
  let afterMs = Date.parse(from);
  while (found.length < count) {
    const nextMs = nextTime({ expression, time_zone }, afterMs);
    assert.ok(nextMs !== undefined && nextMs > afterMs);
    found.push(new Date(nextMs).toISOString().replace(":00.000Z", "Z"));
    afterMs = nextMs;
  }
  return found;
}

describe("a schedule", () => {
  const cases: readonly (readonly [string, string, string, string, readonly string[]])[] = [
    ["@daily", "UTC", "2026-12-31T00:00:00Z", "every midnight", ["2027-01-01T00:00Z", "2027-01-02T00:00Z"]],
    ["@weekly", "UTC", "2026-11-21T12:00:00Z", "on Sundays", ["2026-11-22T00:00Z", "2026-11-29T00:00Z"]],
    ["@monthly", "UTC", "2026-01-31T12:00:00Z", "on the first", ["2026-02-01T00:00Z", "2026-03-01T00:00Z"]],
    [
      "@quarterly",
      "UTC",
      "2026-01-01T00:00:00Z",
      "four times a year",
      ["2026-04-01T00:00Z", "2026-07-01T00:00Z", "2026-10-01T00:00Z", "2027-01-01T00:00Z"],
    ],
    [
      "@daily",
      BERLIN,
      "2026-03-28T12:00:00Z",
      "at local midnight, an hour earlier in summer",
      ["2026-03-28T23:00Z", "2026-03-29T22:00Z"],
    ],
    [
      "30 2 * * *",
      BERLIN,
      "2026-03-27T12:00:00Z",
      "after the gap in spring",
      ["2026-03-28T01:30Z", "2026-03-29T01:00Z", "2026-03-30T00:30Z"],
    ],
    [
      "30 2 * * *",
      BERLIN,
      "2026-10-24T12:00:00Z",
      "once in the night that has the hour twice",
      ["2026-10-25T00:30Z", "2026-10-26T01:30Z"],
    ],
    [
      "0 9 * * 1",
      "America/New_York",
      "2026-03-01T00:00:00Z",
      "on Monday mornings, before and after the change",
      ["2026-03-02T14:00Z", "2026-03-09T13:00Z"],
    ],
  ];
  for (const [expression, zone, from, title, expected] of cases)
    it(`${expression} in ${zone} comes ${title}`, () =>
      assert.deepEqual(times(expression, zone, from, expected.length), expected));
});
