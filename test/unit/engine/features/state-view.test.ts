/** Reading a state in place: whatever the order in which its parts are asked for, and never beyond its bytes. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFeatureSet } from "../../../../engine/core/feature-set.ts";
import { columnsOf, compileColumns } from "../../../../engine/features/column-plan.ts";
import { EntityState } from "../../../../engine/features/entity-state.ts";
import { StateView } from "../../../../engine/features/state-view.ts";
import { windowValue } from "../../../../engine/features/window-value.ts";

const NOW_MS = Date.UTC(2026, 0, 31);
const FIELDS = { a: 1, b: "two", c: true, d: 4 } as const;
const window = { kind: "window", aggregation: "sum", window: "1h" };
const SET = parseFeatureSet({
  name: "things",
  version: "1.0.0",
  entity: { type: "thing", key: "thing_id" },
  features: [
    { name: "a", kind: "online" },
    { name: "b", kind: "online", type: "category", categories: ["two"] },
    { name: "c", kind: "online", type: "bool" },
    { name: "d", kind: "online" },
    { name: "missing", kind: "online" },
    { ...window, name: "sum_a", field: "a" },
    { ...window, name: "sum_d", field: "d" },
    { ...window, name: "sum_missing", field: "missing" },
  ],
});
const PLAN = compileColumns([SET]);
const COLUMNS = columnsOf(SET);

function stateBytes(events = 3): Buffer {
  const state = new EntityState();
  for (let seq = 1; seq <= events; seq++) {
    const common = { eventId: `${seq}`, entityId: "x", isEvent: true, fields: FIELDS };
    state.apply({ ...common, eventMs: NOW_MS - seq * 60_000, arrivalMs: NOW_MS, seq }, 1, PLAN);
  }
  return state.toBuffer();
}

function fieldId(name: string): number {
  return PLAN.fields.find((field) => field.name === name)?.id ?? assert.fail(name);
}

function valueOf(view: StateView, name: string): unknown {
  return view.value(fieldId(name));
}

function sumOf(view: StateView, name: string): number | undefined {
  const column = COLUMNS.get(name);
  assert.ok(column !== undefined);
  return windowValue("sum", column, view.window(column, NOW_MS));
}

describe("a state that is read in place", () => {
  const orders = [
    ["a", "b", "c", "d", "missing"],
    ["d", "c", "b", "a"],
    ["b", "a", "missing", "d", "b"],
    ["a", "b", "a", "b", "c", "c", "d", "a", "missing", "d"],
    ["missing"],
  ];
  for (const order of orders) {
    it(`gives the last values in the order ${order.join(" ")}, twice`, () => {
      const view = new StateView(stateBytes());
      for (const name of [...order, ...order])
        assert.equal(valueOf(view, name), (FIELDS as Record<string, unknown>)[name], name);
    });
  }

  it("gives the time of the value that was asked for, and 0 for none", () => {
    const view = new StateView(stateBytes());
    for (const name of ["a", "d", "a"]) assert.equal(view.eventMs(fieldId(name)), NOW_MS - 60_000);
    assert.equal(view.eventMs(fieldId("missing")), 0);
  });

  const windowOrders = [
    ["sum_d", "sum_missing", "sum_a"],
    ["sum_a", "sum_d", "sum_missing"],
  ];
  it("gives windows in any order, twice, and values between them", () => {
    const views = windowOrders.map((order) => ({ order, view: new StateView(stateBytes()) }));
    for (const { order, view } of views)
      for (const name of [...order, ...order]) {
        assert.equal(sumOf(view, name), { sum_a: 3, sum_d: 12, sum_missing: 0 }[name], name);
        assert.equal(valueOf(view, "c"), true);
      }
  });

  it("keeps the windows of two entities apart that are read in turn", () => {
    const [many, few] = [new StateView(stateBytes(9)), new StateView(stateBytes(1))];
    assert.deepEqual(
      [many, few, many, few].map((view) => sumOf(view, "sum_a")),
      [9, 1, 9, 1],
    );
  });

  it("holds windows of more tiles than there was room for", () => {
    const set = parseFeatureSet({
      ...SET,
      features: [{ ...window, name: "wide", field: "a", hop: "1m", aggregation: "stddev" }],
    });
    const plan = compileColumns([set]);
    const state = new EntityState();
    for (let seq = 1; seq <= 60; seq++) {
      const common = { eventId: "", entityId: "", isEvent: true, fields: { a: seq } };
      state.apply({ ...common, eventMs: NOW_MS - seq * 60_000, arrivalMs: NOW_MS, seq }, 1, plan);
    }
    const column = columnsOf(set).get("wide");
    assert.ok(column !== undefined);
    const { tile } = new StateView(state.toBuffer()).window(column, NOW_MS);
    assert.equal(tile[1], 60);
  });

  it("refuses bytes that are cut off within a window, whatever was read before", () => {
    const bytes = stateBytes();
    sumOf(new StateView(bytes), "sum_d");
    const cut = new StateView(bytes.subarray(0, bytes.length - 8));
    assert.throws(() => sumOf(cut, "sum_d"), RangeError);
  });
});
