/** What was served while the store could not be asked, or a column was not filled, is had again by what the prediction noted. */
import assert from "node:assert/strict";
import { it } from "node:test";
import type { FeatureHistory } from "../../../../engine/core/feature-history.ts";
import { parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { compileColumns } from "../../../../engine/features/column-plan.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import type { EntityView } from "../../../../engine/features/entity-view.ts";
import { compileSetLookup } from "../../../../engine/features/feature-lookup.ts";
import { historicalFeatures } from "../../../../engine/features/historical-features.ts";
import { lookUp } from "../../../../engine/features/served-features.ts";
import { StateView } from "../../../../engine/features/state-view.ts";
import { parseTrainingRow, toTrainingJson } from "../../../../engine/features/training-rows.ts";

const NOW_MS = Date.UTC(2026, 10, 21, 12);
const count = { kind: "window", aggregation: "count", default: -1 };
const SET = parseFeatureSet({
  name: "cards",
  version: "1.0.0",
  entity: { type: "card", key: "card_id" },
  features: [
    { ...count, name: "day", window: "24h" },
    { ...count, name: "hour", window: "1h" },
    { name: "share", kind: "derived", function: "ratio", inputs: ["hour", "day"] },
  ],
});
const LOOKUP = compileSetLookup(SET);
const EVENTS = 4;

/** Knows the events, as the table does whatever was served. */
const HISTORY: FeatureHistory = {
  read: async ({ columns }, moments) =>
    moments.map(({ seq = EVENTS }) => {
      const total = { count: seq, sum: 0n, squares: 0n, min: 0, max: 0, first: 0, last: 0, hashes: [] };
      return { windows: columns.map(() => (seq === 0 ? undefined : total)), values: [] };
    }),
};

function stateOf(events: number): Buffer {
  const state = EntityState.from(undefined);
  for (let seq = 1; seq <= events; seq++) {
    const event = {
      eventId: "",
      entityId: "a",
      isEvent: true,
      fields: {},
      eventMs: NOW_MS,
      arrivalMs: NOW_MS,
    };
    state.apply({ ...event, seq }, 1, compileColumns([SET]));
  }
  return state.toBuffer();
}

const keyOf = (name: string): string => {
  const step = LOOKUP.steps.find((one) => one.name === name);
  return step !== undefined && "key" in step ? step.key : assert.fail(name);
};
const VIEWS: Readonly<Record<string, EntityView>> = {
  "the store did not answer": null,
  "a column was not filled": new StateView(stateOf(EVENTS), new Set([keyOf("day")])),
  "all was there": new StateView(stateOf(EVENTS)),
  "there was no event": new StateView(stateOf(0)),
};

for (const [when, view] of Object.entries(VIEWS))
  it(`features of when ${when} are had again`, async () => {
    const { values, status } = lookUp(LOOKUP, {}, [view], NOW_MS);
    const noted = {
      card_id: "a",
      as_of: NOW_MS,
      seq: view?.seq ?? 0,
      feature_status: Object.fromEntries(status),
    };
    const row = parseTrainingRow(LOOKUP, JSON.stringify(noted), 1);
    for await (const found of historicalFeatures({ history: HISTORY, lookup: LOOKUP, rows: [row] })) {
      const served = values.map((value) => value ?? null);
      assert.deepEqual(found.values, served);
      assert.deepEqual(found.status, noted.feature_status);
      const line = toTrainingJson(LOOKUP, found, "with status");
      assert.equal(line.split("feature_status").length, 2, "the status is there once");
      const [day, hour, share] = served;
      assert.deepEqual(JSON.parse(line), { ...noted, day, hour, share });
    }
  });

it("a status that is none is refused with the remedy", () => {
  const json = '{"card_id":"a","as_of":0,"feature_status":"unavailable"}';
  assert.throws(() => parseTrainingRow(LOOKUP, json, 3), /row 3: feature_status must be an object.*rename/);
});
