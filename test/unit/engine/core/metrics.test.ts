/** Metrics as Prometheus reads them, and the bound of a family. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Metrics } from "../../../../engine/core/metrics.ts";
import { checkHistogram, parseMetrics, sampleOf } from "../../../support/prometheus.ts";

describe("metrics", () => {
  it("are Prometheus' text, with help, type and every label escaped", () => {
    const metrics = new Metrics();
    metrics.counter("engine_things_total", "Things.", { kind: 'a"b\\c\nd' }).add(2);
    metrics.gauge("engine_level", "A level.").set(-1.5);
    const text = metrics.toText();
    assert.match(text, /^# HELP engine_things_total Things\.\n# TYPE engine_things_total counter\n/);
    assert.ok(text.includes('engine_things_total{kind="a\\"b\\\\c\\nd"} 2\n'));
    const samples = parseMetrics(text);
    assert.equal(sampleOf(samples, "engine_things_total", { kind: 'a"b\\c\nd' }), 2);
    assert.equal(sampleOf(samples, "engine_level"), -1.5);
  });

  it("count observations in cumulative buckets whose bounds belong to them", () => {
    const metrics = new Metrics();
    const histogram = metrics.histogram("engine_sizes", "Sizes.", [1, 2, 4], { model: "m" });
    for (const value of [0, 1, 1.5, 2, 4, 5, 100]) histogram.observe(value);
    const samples = parseMetrics(metrics.toText());
    assert.equal(checkHistogram(samples, "engine_sizes", { model: "m" }), 7);
    assert.equal(sampleOf(samples, "engine_sizes_sum"), 113.5);
    for (const [le, count] of [
      ["1", 2],
      ["2", 4],
      ["4", 5],
      ["+Inf", 7],
    ] as const)
      assert.equal(sampleOf(samples, "engine_sizes_bucket", { le }), count);
  });

  it("give the same series for the same labels, and read collected gauges anew each time", () => {
    const metrics = new Metrics();
    metrics.counter("engine_things_total", "Things.", { kind: "a" }).add(1);
    metrics.counter("engine_things_total", "Things.", { kind: "a" }).add(1);
    let reads = 0;
    metrics.onCollect(() => metrics.gauge("engine_reads", "Reads.").set(++reads));
    metrics.toText();
    const samples = parseMetrics(metrics.toText());
    assert.equal(sampleOf(samples, "engine_things_total"), 2);
    assert.equal(sampleOf(samples, "engine_reads"), 2);
  });

  it("forget the series of a model version that is unloaded, and only those", () => {
    const metrics = new Metrics();
    for (const version of ["1.0.0", "1.0.0-rc", "2.0.0"])
      metrics.counter("engine_things_total", "Things.", { model: "m", version }).add(1);
    metrics.drop({ model: "m", version: "1.0.0" });
    const versions = parseMetrics(metrics.toText()).map(({ labels }) => labels["version"]);
    assert.deepEqual(versions, ["1.0.0-rc", "2.0.0"]);
  });

  it("count what exceeds the bound of a family in one other series, and known ones under their own", () => {
    const metrics = new Metrics();
    const add = (kind: string): void => metrics.counter("engine_things_total", "Things.", { kind }).add(1);
    for (let index = 0; index < 1_500; index++) add(`k${index}`);
    add("k7");
    const samples = parseMetrics(metrics.toText());
    assert.equal(samples.length, 1_001);
    assert.equal(sampleOf(samples, "engine_things_total", { kind: "other" }), 500);
    assert.equal(sampleOf(samples, "engine_things_total", { kind: "k7" }), 2);
  });
});
