/** Goals as the names of figures state them, and how pages show them. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { goalOf } from "../../../bench/goal.ts";
import { toIndexPage } from "../../../bench/index-page.ts";

const isMet = (figure: string, value: number): boolean | undefined => goalOf(figure)?.isMet(value);

describe("a goal", () => {
  it("is met on its own side of the bound", () => {
    assert.deepEqual(
      [0.7, 0.69].map((value) => isMet("rate / echo (goal ≥ 0.7)", value)),
      [true, false],
    );
    assert.deepEqual(
      [5, 5.1].map((value) => isMet("p99 ms (goal ≤ 5)", value)),
      [true, false],
    );
    assert.deepEqual(
      [4.9, 5].map((value) => isMet("p99 ms (goal < 5)", value)),
      [true, false],
    );
    assert.deepEqual(
      [-0.002, -0.004].map((value) => isMet("AUC - peer's (goal ≥ -0.003)", value)),
      [true, false],
    );
    assert.deepEqual(
      [100_000, 99_999].map((value) => isMet("rows/s (goal ≥ 100,000)", value)),
      [true, false],
    );
    assert.deepEqual(
      [30_000, 29_999].map((value) => isMet("rebuild (goal ≥ 30000/s)", value)),
      [true, false],
    );
    assert.deepEqual(
      [1.5, 1.6].map((value) => isMet("reads (goal p99 ≤ 1.5 ×)", value)),
      [true, false],
    );
    assert.deepEqual(
      [0, 1].map((value) => isMet("failed (goal 0)", value)),
      [true, false],
    );
  });

  it("is missed by a figure that could not be had", () => {
    assert.equal(isMet("rate (goal ≥ 0.7)", Number.NaN), false);
  });

  it("in words is shown and not judged", () => {
    for (const words of ["near 1", "≥ 30000/s, or all that is published", "p99 < 50 ms: below 1"])
      assert.deepEqual(
        [goalOf(`x (goal ${words})`)?.text, isMet(`x (goal ${words})`, 1)],
        [words, undefined],
      );
    assert.equal(goalOf("window, p50 (goal: near 1)")?.text, "near 1");
  });

  it("is not seen where there is none", () => {
    assert.equal(goalOf("100 entities (10 windows), requests/s"), undefined);
  });
});

describe("the index of benchmarks", () => {
  it("counts goals met and missed, and links each page", () => {
    const report = { machine: "m", benchmark: "http", title: "HTTP <row>", rows: [] };
    const page = toIndexPage([{ ...report, ratios: { "a (goal ≥ 1)": 2, "b (goal ≤ 1)": 2, c: 3 } }]);
    assert.match(page, /Goals met: <b class="met">1<\/b>, missed: <b class="missed">1<\/b>/);
    assert.match(page, /<a href="http.html">http<\/a>: HTTP &lt;row&gt;/);
    assert.match(page, /<td>b<\/td><td class="number">2<\/td><td>≤ 1<\/td><td class="missed">missed<\/td>/);
    assert.match(page, /<td>c<\/td><td class="number">3<\/td><td><\/td><td><\/td>/);
  });
});
