/** What is made of stages and calls: the report, and its pictures. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toSvg } from "../../../bench/chart.ts";
import type { Frame } from "../../../bench/cpu-profile.ts";
import type { LoadResult } from "../../../bench/load/job.ts";
import type { Component } from "../../../bench/profile-components.ts";
import { type Measured, type ProfiledLoad, profileReport } from "../../../bench/profile-report.ts";
import type { Counted } from "../../../bench/stage-times.ts";

/** `count` observations that take `us` each. */
function observed(us: number, count = 10): Counted {
  return { bounds: [1, Number.POSITIVE_INFINITY], cumulative: [count, count], sum: (us * count) / 1e6 };
}

function loaded(meanUs: number, count: number): LoadResult {
  return { rate: count, latency: { mean: meanUs / 1e3, count } } as unknown as LoadResult;
}

function frame(name: string, component: Component, self: number, children: Frame[] = []): Frame {
  const value = children.reduce((sum, child) => sum + child.value, self);
  return { name, file: "engine/some.ts", component, self, value, children };
}

const STAGES: Measured = {
  queue: observed(100),
  handover: observed(50),
  inference: observed(40),
  log: observed(200),
  request: observed(380),
};
/** 10 requests: 5 µs each to parse, 2 for features; 1 of 4 µs at the worker to copy. */
const MAIN = frame("(root)", "other", 0, [
  frame("(idle)", "idle", 900),
  frame("onBody", "parse", 50, [frame("write", "features", 20)]),
]);
const WORKER = frame("(root)", "other", 0, [frame("run", "inference", 30, [frame("fill", "copy", 10)])]);

function load(connections: number): ProfiledLoad {
  const threads = [MAIN, WORKER];
  return {
    connections,
    plain: loaded(500, 20),
    stages: STAGES,
    cpuUs: 12,
    profiled: loaded(600, 10),
    threads,
  };
}

describe("the report of a profile", () => {
  const report = profileReport(load(64), load(1));

  it("divides a request into stages that add up", () => {
    const means = Object.fromEntries(report.rows.map((row) => [row["stage"], row["64 conn. µs"]]));
    assert.deepEqual(means, {
      parse: 5,
      features: 2,
      queue: 93,
      handover: 50,
      copy: 10,
      inference: 30,
      log: 200,
      respond: 120,
    });
  });

  it("tells busy time by component and function, without idling", () => {
    assert.equal(report.ratios["busy time by the profile / CPU time by the kernel"], 0.92);
    assert.equal(report.ratios["parse, of the busy time"], 0.45);
    assert.deepEqual(
      report.tables?.[0]?.rows.map((row) => [row["function"], row["µs per request"]]),
      [
        ["onBody", 5],
        ["run", 3],
        ["write", 2],
        ["fill", 1],
      ],
    );
  });

  it("draws stages over the whole width, and calls below their callers", () => {
    const drawn = (report.charts ?? []).map(toSvg);
    const boxes = (text: string): [string | undefined, number][] =>
      [...text.matchAll(/<title>([^:<]+):[^<]*<\/title><rect x="[\d.]+" y="(\d+)" width="([\d.]+)"/g)].map(
        ([, name, , width]) => [name, Number(width)],
      );
    const stages = boxes(drawn[0] as string).slice(0, 8);
    assert.ok(Math.abs(stages.reduce((sum, [, width]) => sum + width, 0) - 760) < 1);
    assert.deepEqual(boxes(drawn[2] as string), [
      ["main thread", 760],
      ["onBody", 760],
      ["write", Number(((760 * 2) / 7).toFixed(1))],
    ]);
  });
});
