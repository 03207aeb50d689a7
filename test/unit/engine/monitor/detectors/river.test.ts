/**
 * Every detector against River's own: drift at exactly the same values, whatever the stream and the options. KSWIN draws
 * what Python drew. The goldens and the script that made them are in test/fixtures.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Adwin } from "../../../../../engine/monitor/detectors/adwin.ts";
import type { DriftDetector } from "../../../../../engine/monitor/detectors/drift-detector.ts";
import { Kswin } from "../../../../../engine/monitor/detectors/kswin.ts";
import { PageHinkley } from "../../../../../engine/monitor/detectors/page-hinkley.ts";
import { assertClose } from "../../../../support/close.ts";
import { driftsIn } from "../../../../support/drift-streams.ts";
import { fixture } from "../../../../support/model.ts";
import { PythonRandom } from "../../../../support/python-random.ts";

interface RiverOptions {
  readonly delta?: number;
  readonly clock?: number;
  readonly threshold?: number;
  readonly min_instances?: number;
  readonly mode?: "up" | "down" | "both";
  readonly alpha?: number;
  readonly window_size?: number;
  readonly stat_size?: number;
  readonly seed?: number;
}

interface Run {
  readonly detector: "adwin" | "page_hinkley" | "kswin";
  readonly options: RiverOptions;
  readonly drift_at: readonly number[];
  readonly window?: { readonly width: number; readonly mean: number; readonly squares: number };
}

interface Golden {
  readonly scale: number;
  readonly values: readonly number[];
  readonly runs: readonly Run[];
}

/** River's detector in ours: its defaults, and our names. */
function detectorOf({ detector, options }: Run): DriftDetector {
  const { mode: direction, min_instances: warmUp, seed, ...rest } = options;
  switch (detector) {
    case "adwin":
      return new Adwin({ mode: "river", delta: 0.002, ...rest });
    case "page_hinkley": {
      const given = { ...rest, ...(direction && { direction }), warm_up: warmUp ?? 30 };
      return new PageHinkley({ mode: "river", delta: 0.005, threshold: 50, ...given });
    }
    case "kswin":
      return new Kswin(
        { alpha: 0.005, window_size: 100, stat_size: 30, ...rest },
        new PythonRandom(seed ?? 0),
      );
  }
}

const streams = readdirSync(fixture("detectors")).filter((name) => name !== "ks.json");

describe("drift as River finds it", () => {
  it("has the goldens of River's own tests", () => {
    const adwinOf = (stream: string) => readGolden(stream).runs.find(({ detector }) => detector === "adwin");
    assert.deepEqual(adwinOf("steps.json")?.drift_at, [1023]);
    assert.deepEqual(adwinOf("four-steps.json")?.drift_at, [1023, 2015, 3007]);
    assert.equal(streams.length, 8);
  });

  for (const stream of streams) {
    const { scale, values, runs } = readGolden(stream);
    const numbers = values.map((value) => value / scale);
    for (const run of runs)
      it(`${stream}: ${run.detector} ${JSON.stringify(run.options)}: ${run.drift_at.length} times`, () => {
        const detector = detectorOf(run);
        assert.deepEqual(driftsIn(detector, numbers), run.drift_at);
        if (!(detector instanceof Adwin) || run.window === undefined) return;
        assert.equal(detector.width, run.window.width);
        assertClose(detector.mean, run.window.mean, "mean");
        assertClose(detector.variance, run.window.squares / run.window.width, "variance");
      });
  }
});

function readGolden(stream: string): Golden {
  return JSON.parse(readFileSync(fixture(`detectors/${stream}`), "utf8")) as Golden;
}
