import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseDriftSettings } from "../../../../../engine/monitor/drift/drift-settings.ts";
import {
  createIncidentState,
  fold,
  isRetrainingVetoed,
} from "../../../../../engine/monitor/drift/incident.ts";
import { SERIES, type Signs, tell, verdictOf } from "../../../../support/verdict-windows.ts";

const defaults = parseDriftSettings({});

/** The lines of windows 0, 1, 2, …. */
function linesOf(windows: readonly Signs[]): readonly string[] {
  return tell(windows.map((signs, number) => verdictOf(number, signs))).lines;
}

function repeated(times: number, signs: Signs): Signs[] {
  return Array.from({ length: times }, () => signs);
}

describe("an incident", () => {
  it("opens with the third drifting window of five, and closes with the fifth quiet one in a row", () => {
    const lines = linesOf([...repeated(3, { a: "drift" }), ...repeated(9, { a: "quiet" })]);
    assert.deepEqual(lines, ["2 opened drift warning: a", "7 closed drift warning: a"]);
  });

  it("does not open on two windows, nor on three of different columns", () => {
    const calm = { a: "quiet", b: "quiet", c: "quiet" } as const;
    const one = (column: string): Signs => ({ ...calm, [column]: "drift" });
    assert.deepEqual(linesOf([one("a"), one("b"), one("c"), calm, one("a"), calm, calm, one("a")]), []);
  });

  it("stays open between exit level and drift, without flicker", () => {
    const flicker: Signs[] = [{ a: "quiet" }, { a: "between" }, { a: "quiet" }, { a: "drift" }];
    const lines = linesOf([
      ...repeated(3, { a: "drift" }),
      ...Array.from({ length: 20 }, () => flicker).flat(),
    ]);
    assert.deepEqual(lines, ["2 opened drift warning: a"]);
  });

  it("is one for thirty columns that drift together", () => {
    const columns = Array.from({ length: 30 }, (_, index) => `f${String(index).padStart(2, "0")}`);
    const all = (sign: "drift" | "quiet") => Object.fromEntries(columns.map((column) => [column, sign]));
    const lines = linesOf([...repeated(4, all("drift")), ...repeated(6, all("quiet"))]);
    const names = columns.join(" ");
    assert.deepEqual(lines, [`2 opened drift warning: ${names}`, `8 closed drift warning: ${names}`]);
  });

  it("is extended by a column that follows, once, and closes when both have left", () => {
    const { lines, changes } = tell(
      [
        ...repeated(3, { a: "drift", b: "quiet" }),
        ...repeated(3, { a: "quiet", b: "drift" }),
        ...repeated(2, { a: "quiet", b: "drift" }),
        ...repeated(3, { a: "drift", b: "quiet" }),
        ...repeated(5, { a: "quiet", b: "quiet" }),
      ].map((signs, number) => verdictOf(number, signs)),
    );
    assert.deepEqual(lines, [
      "2 opened drift warning: a",
      "5 extended drift warning: b",
      "15 closed drift warning: a",
    ]);
    const closed = changes.at(-1)?.incident;
    assert.deepEqual(
      closed?.columns.map(({ column, sinceMs, joinedMs, psiMax }) => [
        column,
        sinceMs / 300_000,
        joinedMs / 300_000,
        psiMax,
      ]),
      [
        ["a", 0, 3, 0.12],
        ["b", 3, 6, 0.12],
      ],
    );
    assert.equal(new Set(changes.map(({ incident }) => incident.id)).size, 1);
  });

  it("escalates once, when a column was critical in k of n windows", () => {
    const lines = linesOf([
      ...repeated(3, { a: "drift" }),
      ...repeated(5, { a: "critical" }),
      { a: "drift" },
    ]);
    assert.deepEqual(lines, ["2 opened drift warning: a", "5 escalated drift critical: a"]);
    assert.deepEqual(linesOf(repeated(4, { a: "critical" })), ["2 opened drift critical: a"]);
    assert.deepEqual(linesOf([...repeated(3, { a: "drift" }), ...repeated(2, { a: "critical" })]).length, 1);
  });

  it("of data quality is its own, comes sooner, and its windows count neither for nor against drift", () => {
    const lines = linesOf([
      ...repeated(2, { a: "drift", b: "drift" }),
      ...repeated(9, { a: "broken", b: "quiet" }),
      ...repeated(1, { a: "drift", b: "quiet" }),
      ...repeated(5, { a: "quiet", b: "quiet" }),
    ]);
    assert.deepEqual(lines, [
      "3 opened data_quality critical: a",
      "11 opened drift warning: a",
      "15 closed data_quality critical: a",
      "16 closed drift warning: a",
    ]);
  });

  it("is closed by another reference, whose windows start without evidence", () => {
    const { lines, changes } = tell([
      ...[0, 1, 2, 3].map((number) => verdictOf(number, { a: "drift" }, "r1")),
      ...[4, 5, 6].map((number) => verdictOf(number, { a: "drift" }, "r2")),
    ]);
    assert.deepEqual(lines, [
      "2 opened drift warning: a",
      "4 closed drift warning: a",
      "6 opened drift warning: a",
    ]);
    assert.deepEqual(
      changes.map(({ reason }) => reason),
      [undefined, "reference_changed", undefined],
    );
    assert.notEqual(changes[0]?.incident.id, changes[2]?.incident.id);
  });

  it("has an id that follows from series, cause, first window and reference", () => {
    const drifting = (from: number, reference = "r1") =>
      [from, from + 1, from + 2].map((number) => verdictOf(number, { a: "drift" }, reference));
    const id = (verdicts: ReturnType<typeof drifting>) => tell(verdicts).changes[0]?.incident.id;
    // SHA-256 of ["fraud","1.0.0",null,"drift",0,"r1"], its first 16 bytes as a UUID of version 8
    assert.equal(id(drifting(0)), "2741534e-7e55-8c57-9332-78cefe06b319");
    assert.equal(id(drifting(0)), id(drifting(0)));
    assert.equal(new Set([id(drifting(0)), id(drifting(1)), id(drifting(0, "r2"))]).size, 3);
  });

  it("vetoes retraining from the first window with problems until the latest ones have none", () => {
    const vetoes = (windows: readonly Signs[]) =>
      isRetrainingVetoed(tell(windows.map((signs, number) => verdictOf(number, signs))).state);
    assert.equal(vetoes([{ a: "drift" }]), false);
    assert.equal(vetoes([{ a: "broken" }]), true);
    assert.equal(vetoes([{ a: "broken" }, ...repeated(2, { a: "quiet" })]), true);
    assert.equal(vetoes([{ a: "broken" }, ...repeated(3, { a: "quiet" })]), false);
    assert.equal(vetoes([{ a: "broken" }, ...repeated(9, { a: "insufficient" })]), true);
    assert.equal(vetoes([...repeated(2, { a: "broken" }), ...repeated(4, { a: "quiet" })]), true);
    assert.equal(vetoes([...repeated(2, { a: "broken" }), ...repeated(5, { a: "quiet" })]), false);
  });

  it("refuses windows out of order and those of another series", () => {
    const state = fold(createIncidentState(SERIES), verdictOf(5, {}), defaults).state;
    assert.throws(() => fold(state, verdictOf(4, {}), defaults), /out of order/);
    assert.throws(() => fold(state, { ...verdictOf(6, {}), variant: "b" }, defaults), /another series/);
  });
});
