/** What is said of peers that were measured, and of those that were not. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Latency, LoadResult } from "../../../../bench/load/job.ts";
import { peersReport, type ServerLoads } from "../../../../bench/peers/report.ts";

const latency: Latency = { count: 100, mean: 2, p50: 2, p90: 3, p99: 4, p999: 5, max: 6, curve: [] };

function loadsAt(rate: number, failed = 0): ServerLoads {
  const load = (ms: number): LoadResult => ({
    seconds: 1,
    rate,
    statuses: { 200: 100, 500: failed },
    latency: { ...latency, p50: ms },
    refused: latency,
    late: latency,
    unsent: 0,
    cores: 0.5,
  });
  return {
    many: { result: load(2), windows: 3, spread: 0 },
    one: { result: load(0.25), windows: 3, spread: 0 },
  };
}

const engine = { before: loadsAt(30_000), after: loadsAt(20_000) };

describe("the report of the peers", () => {
  it("holds the engine's mean of before and after against each peer, with its goal where it has one", () => {
    const { ratios } = peersReport(engine, [
      { name: "MLServer", goal: 10, versions: {}, ...loadsAt(1_000) },
      { name: "Mosec", versions: {}, ...loadsAt(50_000) },
    ]);
    assert.deepEqual(ratios, {
      "engine / MLServer (goal ≥ 10)": 25,
      "engine / Mosec": 0.5,
      "engine after / before the peers": 0.67,
    });
  });

  it("has a row for each server, with failures of both loops and the versions of its packages", () => {
    const versions = { mosec: "0.9.8", numpy: "2.4.6" };
    const { rows, charts } = peersReport(engine, [{ name: "Mosec", versions, ...loadsAt(50_000, 7) }]);
    assert.deepEqual(
      rows.map((row) => row["server"]),
      ["engine, before the peers", "Mosec", "engine, after the peers"],
    );
    assert.deepEqual(rows[1], {
      server: "Mosec",
      "requests/s": 50_000,
      "p50 ms": 2,
      "p99 ms": 4,
      "1 connection p50 ms": 0.25,
      windows: "± 0 % of 3",
      failed: 14,
      "generator's cores": 0.5,
      packages: "mosec 0.9.8, numpy 2.4.6",
    });
    const [chart] = charts ?? [];
    assert.deepEqual(chart?.kind === "bars" ? chart.bars : [], [
      ["engine", 25_000],
      ["Mosec", 50_000],
    ]);
  });

  it("says in one line why a peer was left out, and compares nothing with it", () => {
    const { rows, ratios, charts } = peersReport(engine, [
      { name: "Triton over HTTP", reason: "no python3" },
    ]);
    assert.deepEqual(rows[1], { server: "Triton over HTTP: left out, no python3" });
    assert.deepEqual(Object.keys(ratios), ["engine after / before the peers"]);
    const [chart] = charts ?? [];
    assert.deepEqual(chart?.kind === "bars" ? chart.bars : [], [["engine", 25_000]]);
  });
});
