import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findColumns, toLabelBody } from "../../../../engine/labels/label-csv.ts";

const ID = "01900000-0000-7000-8000-000000000000";
const HEADER = ["label_time", "label", "time", "entity_id", "request_id", "prediction_id", "label_id"];
const columns = findColumns(HEADER, {});

/** The label of a line with these fields. */
function labelOf(fields: Readonly<Record<string, string>>): unknown {
  const label = toLabelBody(
    columns,
    HEADER.map((name) => fields[name] ?? ""),
  );
  return JSON.parse(JSON.stringify(label)); // as it is sent
}

describe("a line of a CSV file", () => {
  it("is a label by its most exact key", () => {
    const all = { prediction_id: ID, request_id: "r", entity_id: "e", time: "5", label: "1" };
    assert.deepEqual(labelOf(all), { label: 1, prediction_id: ID });
    assert.deepEqual(labelOf({ ...all, prediction_id: "" }), { label: 1, request_id: "r" });
    assert.deepEqual(labelOf({ entity_id: "e", time: "5", label: "1" }), {
      label: 1,
      entity_id: "e",
      time: 5,
    });
  });

  it("has numbers, booleans and classes as they are written", () => {
    const cases = [
      ["1", 1],
      ["-0.5", -0.5],
      ["1e3", 1000],
      ["007", "007"],
      ["true", true],
      ["false", false],
      ["True", "True"],
      [" fraud ", "fraud"],
      ["NaN", "NaN"],
    ] as const;
    for (const [text, label] of cases)
      assert.deepEqual(labelOf({ prediction_id: ID, label: text }), { label, prediction_id: ID });
  });

  it("may say since when, and its id", () => {
    const label = { request_id: "r", label: "a", label_time: "2026-03-01T00:00:00Z", label_id: "9" };
    assert.deepEqual(labelOf(label), label);
  });

  it("is refused by name of the field", () => {
    const refused = (fields: Readonly<Record<string, string>>, field: string) =>
      assert.throws(() => labelOf(fields), { code: "INVALID_REQUEST", message: new RegExp(`^${field}: `) });
    refused({ label: "1" }, "prediction_id");
    refused({ request_id: "r" }, "label");
    refused({ request_id: "r", label: "1e999" }, "label");
    refused({ entity_id: "e", time: "01.02.2026", label: "1" }, "time");
    refused({ entity_id: "e", label: "1" }, "time");
  });
});
