/** When a feature event happened: which times are taken, and as what. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { parseFeatureEvent } from "../../../../engine/core/feature-event.ts";

const ARRIVAL_MS = Date.UTC(2026, 2, 1, 12);

function eventMs(event_time: unknown): number {
  const body = { event_id: "e", entity_id: "a", event_time, event: { amount: 1 } };
  return parseFeatureEvent(Buffer.from(JSON.stringify(body)), 1, ARRIVAL_MS).eventMs;
}

it("an event's time is ISO 8601 with a zone or milliseconds, and never later than its arrival", () => {
  const ms = Date.UTC(2026, 1, 28, 9, 30);
  for (const time of [ms, ms + 0.5, "2026-02-28T09:30Z", "2026-02-28T10:30:00.000+01:00"])
    assert.equal(eventMs(time), ms, String(time));
  assert.equal(eventMs(ARRIVAL_MS + 299_000), ARRIVAL_MS);
});

it("an event's time that does not exist, has no zone or is out of range is refused", () => {
  const wrong = [
    "2025-02-30T10:00:00Z",
    "2026-02-28T24:00:00Z",
    "2026-02-28T10:00:00",
    -1,
    ARRIVAL_MS + 301_000,
  ];
  for (const time of [...wrong, null, "", "yesterday"])
    assert.throws(() => eventMs(time), /^EngineError: event_time/, String(time));
});
