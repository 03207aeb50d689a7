/** Which points in time are taken, and as what. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseTimestamp } from "../../../../engine/core/timestamp.ts";

it("timestamps are milliseconds or ISO 8601 with an offset", () => {
  const ms = Date.UTC(2024, 1, 29, 23, 30, 15, 250);
  for (const value of [ms, ms + 0.9, "2024-02-29T23:30:15.250Z", "2024-03-01T00:30:15.25+01:00"])
    assert.equal(parseTimestamp(value), ms, String(value));
  assert.equal(parseTimestamp("2024-02-29"), Date.UTC(2024, 1, 29));
  assert.equal(parseTimestamp("2024-02-29T23:30Z"), Date.UTC(2024, 1, 29, 23, 30));
  assert.equal(parseTimestamp("1900-01-01T00:00:00Z"), Date.UTC(1900, 0, 1));
});

it("what depends on the machine, does not exist or is out of range is no timestamp", () => {
  const wrong = [
    "2024-02-29T23:30:15",
    "2023-02-29",
    "2024-13-01",
    "2024-00-10",
    "2024-01-32",
    "2024-01-01T25:00:00Z",
    "1 Jan 2024",
    "",
    "1899-12-31",
    "2300-01-01",
    8.64e15,
    Number.NaN,
    true,
    null,
    [2024],
  ];
  for (const value of wrong) assert.ok(Number.isNaN(parseTimestamp(value)), String(value));
});
