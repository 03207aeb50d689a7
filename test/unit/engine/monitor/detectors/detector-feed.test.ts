/** Feeding detectors part by part: the same to the bit as at once, whatever is in between; and whom settings name. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Adwin } from "../../../../../engine/monitor/detectors/adwin.ts";
import { type DetectorStates, feedDetectors } from "../../../../../engine/monitor/detectors/detector-feed.ts";
import { parseDetectorSettings } from "../../../../../engine/monitor/detectors/detector-settings.ts";
import { type ScoreWatch, watchScores } from "../../../../../engine/monitor/detectors/score-watch.ts";
import { parseMonitorSettings } from "../../../../../engine/monitor/monitor-settings.ts";
import type { DatedValues } from "../../../../../storage/dated-values.ts";
import { driftsIn, normal, stream } from "../../../../support/drift-streams.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { createRandom } from "../../../../support/random.ts";

const ALL = parseDetectorSettings(
  [{ kind: "adwin", range: 8 }, { kind: "kswin" }, { kind: "page_hinkley" }],
  "detectors",
);
const VALUES = stream(9, [3_000, normal()], [3_000, normal(3)], [2_000, normal()]);

/** Feeds parts that end at random places, with states through JSON in between. */
function feedInParts(seed: number): { states: DetectorStates; alarms: [string, number][] } {
  const random = createRandom(seed);
  let states: DetectorStates = {};
  const alarms: [string, number][] = [];
  for (let start = 0; start < VALUES.length; ) {
    const end = start + random.between(0, 900);
    const fed = feedDetectors(JSON.parse(JSON.stringify(states)), ALL, VALUES.slice(start, end));
    states = fed.states;
    alarms.push(...fed.alarms.map(({ detector, index }): [string, number] => [detector, start + index]));
    start = end;
  }
  return { states, alarms };
}

describe("feedDetectors", () => {
  it("gives the same states and alarms however the stream is cut", () => {
    const whole = feedDetectors({}, ALL, VALUES);
    const expected = whole.alarms.map(({ detector, index }) => [detector, index]);
    assert.deepEqual(new Set(expected.map(([detector]) => detector)), new Set(ALL.map(({ kind }) => kind)));
    for (let seed = 0; seed < 10; seed++) {
      const parts = feedInParts(seed);
      assert.equal(JSON.stringify(parts.states), JSON.stringify(whole.states), `seed ${seed}`);
      assert.deepEqual(parts.alarms, expected, `seed ${seed}`);
    }
  });

  it("finds what a detector finds that is fed by hand", () => {
    const settings = parseDetectorSettings([{ kind: "adwin", range: 8 }], "detectors");
    const found = feedDetectors({}, settings, VALUES).alarms.map(({ index }) => index);
    assert.deepEqual(found, driftsIn(new Adwin({ range: 8 }), VALUES));
  });

  it("starts a detector anew whose options have changed or whose state is none, and leaves the others", () => {
    const { states } = feedDetectors({}, ALL, VALUES);
    const changed = ALL.map((one) => (one.kind === "adwin" ? { ...one, range: 9 } : one));
    const kept = feedDetectors(states, changed, []).states;
    assert.deepEqual(kept.adwin, new Adwin({ range: 9 }).toJSON());
    assert.deepEqual([kept.kswin, kept.page_hinkley], [states.kswin, states.page_hinkley]);
    for (const wrong of [null, 1, { kind: "adwin" }, { ...(states.adwin as object), more: 1 }]) {
      const fed = feedDetectors({ ...states, adwin: wrong }, ALL, []).states;
      assert.deepEqual(fed.adwin, new Adwin({ range: 8 }).toJSON());
    }
    const fewer = feedDetectors(states, ALL.slice(1), []).states;
    assert.deepEqual(Object.keys(fewer), ["kswin", "page_hinkley"]);
  });

  it("refuses a value that is no number", () => {
    assert.throws(() => feedDetectors({}, ALL, [1, Number.NaN]), hasCode("INVALID_REQUEST", /NaN/));
  });
});

describe("settings of detectors", () => {
  it("are Page-Hinkley unless told, and say all options that are in force", () => {
    assert.deepEqual(
      parseMonitorSettings({}).detectors.map(({ kind }) => kind),
      ["page_hinkley"],
    );
    assert.deepEqual(parseDetectorSettings([{ kind: "page_hinkley", threshold: 100 }], "detectors"), [
      {
        kind: "page_hinkley",
        mode: "standard",
        delta: 0.1,
        threshold: 100,
        warm_up: 1000,
        direction: "both",
      },
    ]);
    assert.deepEqual(parseMonitorSettings({ detectors: [] }).detectors, []);
  });

  it("are refused by name", () => {
    const wrong: [unknown, RegExp][] = [
      ["adwin", /detectors: .*array/],
      [[{ kind: "ddm" }], /detectors\.0\.kind/],
      [[{ kind: "adwin" }, { kind: "adwin", delta: 0.1 }], /detectors: names a kind twice/],
      [[{ kind: "page_hinkley" }, { kind: "adwin", delta: 2 }], /detectors\.1\.delta/],
      [[{ kind: "adwin", lambda: 1 }], /detectors\.0\..*lambda/],
      [[{ kind: "kswin", stat_size: 5 }], /detectors\.0\.stat_size: no two samples of 5 values/],
    ];
    for (const [detectors, pattern] of wrong)
      assert.throws(() => parseMonitorSettings({ detectors }), hasCode("INVALID_REQUEST", pattern));
  });
});

describe("watchScores", () => {
  const window = { model: "m", version: "1", variant: "", startMs: 0, endMs: 1000, isEmpty: false };

  it("feeds the first million of a window, and says how many were left out", async () => {
    const asked: number[] = [];
    const watch = await watchScores(undefined, ALL.slice(2), window, {
      count: async () => 1_000_007,
      read: async function* (_, rows) {
        asked.push(rows);
        yield { values: Float32Array.of(1, 2), madeMs: Float64Array.of(3, 4) };
      },
    });
    assert.deepEqual(asked, [1_000_000]);
    assert.deepEqual([watch.latest.rows, watch.latest.rowsLeftOut], [1_000_000, 7]);
  });

  it("names the first hundred alarms, and counts all", async () => {
    const many = parseDetectorSettings(
      [{ kind: "page_hinkley", mode: "river", warm_up: 2, threshold: 0.1, delta: 0 }],
      "detectors",
    );
    const values = Float32Array.from({ length: 1_000 }, (_, at) => at % 2);
    const read = async function* (): AsyncGenerator<DatedValues> {
      yield { values, madeMs: Float64Array.from(values.keys()) };
    };
    const watch = await watchScores(undefined, many, window, { count: async () => 1_000, read });
    assert.equal(watch.latest.alarms.length, 100);
    assert.ok((watch.latest.counts.page_hinkley ?? 0) > 100);
  });

  it("reads nothing of a window that was fed already, or has no prediction", async () => {
    const table = {
      count: async () => assert.fail("it is not asked for"),
      read: () => assert.fail("it is not read"),
    };
    const latest = { startMs: 0, endMs: 2000, rows: 0, rowsLeftOut: 0, counts: {}, alarms: [] };
    const before: ScoreWatch = { fedToMs: 2000, states: {}, latest };
    assert.equal((await watchScores(before, ALL, window, table)).fedToMs, 2000);
    assert.equal((await watchScores(undefined, ALL, { ...window, isEmpty: true }, table)).fedToMs, 1000);
  });
});
