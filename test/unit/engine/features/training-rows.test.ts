/** Rows of a training set as they come: the moments that they name. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { compileSetLookup } from "../../../../engine/features/feature-lookup.ts";
import { parseTrainingRow } from "../../../../engine/features/training-rows.ts";
import { parsedSet } from "../../../support/feature-sets.ts";

const LOOKUP = compileSetLookup(parsedSet());

function asOfMs(as_of: unknown): number {
  return parseTrainingRow(LOOKUP, JSON.stringify({ account_id: "a", as_of }), 1).asOfMs;
}

it("a row's moment is ISO 8601, in UTC without a zone, with T or a space, or milliseconds", () => {
  const ms = Date.UTC(2024, 1, 29, 9, 30);
  for (const time of [
    ms,
    "2024-02-29T09:30Z",
    "2024-02-29 09:30:00.000000",
    "2024-02-29T09:30",
    "2024-02-29 10:30:00+01:00",
  ])
    assert.equal(asOfMs(time), ms, String(time));
  assert.equal(asOfMs("2024-02-29"), Date.UTC(2024, 1, 29));
});

it("a row's moment that does not exist or is out of range is refused", () => {
  for (const time of ["2023-02-29", "2026-02-30 10:00:00", "2026-13-01", "2200-01-01", -1, "now", null])
    assert.throws(() => asOfMs(time), /row 1: as_of must be a time/, String(time));
});
