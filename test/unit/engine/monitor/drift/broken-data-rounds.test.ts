/** Rounds over broken data: what is an incident of its own, and holds back retraining. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toPendingIncident } from "../../../../../engine/monitor/drift/drift-news.ts";
import type { BinCount } from "../../../../../engine/monitor/drift/window-measures.ts";
import {
  DriftRounds,
  HOUR_MS,
  hourCounts,
  PROFILE,
  START_MS,
  VERSION,
} from "../../../../support/drift-rounds.ts";

describe("rounds of drift over broken data", () => {
  it("open an incident of the schema when requests are refused for what they hold, though none is answered any more", async () => {
    const tables = new DriftRounds();
    tables.countsOf = (hour) => (hour < 9 ? hourCounts(0) : []);
    tables.refusedOf = (hour) => (hour < 5 ? 30 : hour < 9 ? 0 : 500); // 30 of some 1,100 are slips
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 9 * HOUR_MS + 20_000);
    assert.deepEqual(monitor.findings(VERSION), { incidents: [], pending: [] });
    await monitor.round([VERSION], START_MS + 10 * HOUR_MS + 20_000);
    const pending = monitor.findings(VERSION)?.pending.map(toPendingIncident);
    assert.deepEqual(
      pending?.map(({ cause }) => cause),
      ["data_quality"],
      "retraining is held back from the first such window on",
    );
    await monitor.round([VERSION], START_MS + 11 * HOUR_MS + 20_000);
    const incidents = monitor.findings(VERSION)?.incidents ?? [];
    assert.deepEqual(
      incidents.map(({ cause, columns }) => [
        cause,
        columns.map(({ column, problems }) => [column, problems]),
      ]),
      [["data_quality", [["*", ["schema_change"]]]]],
    );
    const row = tables.rows.findLast(({ role }) => role === "window");
    assert.deepEqual([row?.["verdict"], row?.["problems"]], ["data_quality", ["schema_change"]]);
    tables.countsOf = () => hourCounts(0);
    tables.refusedOf = () => 0;
    await monitor.round([VERSION], START_MS + 16 * HOUR_MS + 20_000);
    assert.deepEqual(monitor.findings(VERSION), { incidents: [], pending: [] }, "five quiet windows later");
  });

  it("take predictions with other columns than the reference has for a change of the schema", async () => {
    const tables = new DriftRounds();
    const misfits = (count: number): BinCount => ({
      variant: "",
      role: "output",
      feature: "*",
      bin: 0,
      count,
    });
    tables.countsOf = (hour) => (hour < 0 ? [] : [...hourCounts(0), misfits(hour < 2 ? 20 : 400)]);
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 4 * HOUR_MS + 20_000);
    const windows = tables.rows.filter(({ role }) => role === "window");
    assert.deepEqual(
      windows.map(({ verdict }) => verdict),
      ["none", "none", "data_quality", "data_quality"],
    );
    assert.deepEqual(
      monitor.findings(VERSION)?.incidents.map(({ cause }) => cause),
      ["data_quality"],
    );
    const amount = tables.rows.filter(({ feature }) => feature === "amount");
    assert.deepEqual(
      new Set(amount.map(({ verdict }) => verdict)),
      new Set(["none"]),
      "the others are judged as before",
    );
  });

  it("hold back retraining from the first window with broken values, before it is an incident", async () => {
    const tables = new DriftRounds();
    const bins = PROFILE.columns[0]?.counts.length ?? 0;
    tables.countsOf = (hour) =>
      hour < 9 ? hourCounts(0) : [{ variant: "", role: "input", feature: "amount", bin: bins, count: 1_000 }]; // all null
    const monitor = tables.monitor();
    await monitor.round([VERSION], START_MS + 9 * HOUR_MS + 20_000);
    assert.deepEqual(monitor.findings(VERSION), { incidents: [], pending: [] });
    await monitor.round([VERSION], START_MS + 10 * HOUR_MS + 20_000);
    assert.equal(monitor.findings(VERSION)?.incidents.length, 0);
    assert.equal(monitor.findings(VERSION)?.pending.length, 1);
    await monitor.round([VERSION], START_MS + 11 * HOUR_MS + 20_000);
    const found = monitor.findings(VERSION);
    assert.deepEqual([found?.incidents[0]?.cause, found?.pending], ["data_quality", []]);
  });
});
