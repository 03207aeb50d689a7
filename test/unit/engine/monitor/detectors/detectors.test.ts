/** What holds for one detector only: what its window is, what it does not depend on, and its false alarms beside River's. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "../../../../../engine/core/seeded-random.ts";
import { Adwin } from "../../../../../engine/monitor/detectors/adwin.ts";
import { Kswin } from "../../../../../engine/monitor/detectors/kswin.ts";
import { PageHinkley } from "../../../../../engine/monitor/detectors/page-hinkley.ts";
import { driftsIn, errors, normal, stream } from "../../../../support/drift-streams.ts";
import { hasCode } from "../../../../support/error-code.ts";

const jumps = stream(21, [2_000, normal()], [2_000, normal(1)], [2_000, normal(-0.5, 2)]);
const unchanged = stream(22, [200_000, normal()]);

describe("ADWIN", () => {
  it("keeps exactly the latest values, in mean and variance, through merges, cuts and drops", () => {
    const random = new SeededRandom(1);
    for (let turn = 0; turn < 20; turn++) {
      const adwin = new Adwin({ delta: 0.3, clock: 1 + random.below(40), range: 0.1 });
      const offset = random.normal() * 100;
      const values = jumps.map((value) => value + offset);
      for (const [index, value] of values.entries()) {
        adwin.update(value);
        if (index % 997 !== 0) continue;
        const window = values.slice(index + 1 - adwin.width, index + 1);
        const mean = window.reduce((sum, one) => sum + one, 0) / window.length;
        const variance = window.reduce((sum, one) => sum + (one - mean) ** 2, 0) / window.length;
        assert.ok(Math.abs(adwin.mean - mean) < 1e-9 * (1 + Math.abs(offset)), `mean at ${index}`);
        assert.ok(Math.abs(adwin.variance - variance) < 1e-7 * (1 + variance), `variance at ${index}`);
      }
    }
  });

  it("cuts where the change was: what it keeps is about what came since", () => {
    for (let seed = 0; seed < 20; seed++) {
      const adwin = new Adwin();
      const [drift = 0] = driftsIn(adwin, stream(seed, [10_000, errors(0.1)], [1_000, errors(0.4)]));
      assert.ok(drift >= 10_000);
      assert.ok(adwin.width > 800 && adwin.width < 1_200, `seed ${seed}: ${adwin.width} values kept`);
      assert.ok(Math.abs(adwin.mean - 0.4) < 0.08, `seed ${seed}: mean ${adwin.mean}`);
    }
  });

  it("does not depend on the scale when the range has it too, nor on the sign", () => {
    const drifts = (range: number, values: readonly number[]) =>
      driftsIn(new Adwin({ range, clock: 1 }), values);
    const expected = drifts(8, jumps);
    assert.ok(expected.length >= 2);
    assert.notDeepEqual(drifts(1, jumps), expected);
    const scaled = jumps.map((value) => value * 1024);
    const mirrored = jumps.map((value) => -value);
    assert.deepEqual(drifts(8 * 1024, scaled), expected);
    assert.deepEqual(drifts(8, mirrored), expected);
  });

  it("is not led astray by rounding in a window of equal values", () => {
    const adwin = new Adwin();
    const parts = [0.1, 0.3, 0.1, 0.3].map((value) => [1_000, () => 1e6 + value] as const);
    const drifts = stream(1, ...parts).filter((value) => {
      const isDrift = adwin.update(value);
      assert.ok(adwin.variance >= 0, String(adwin.variance));
      return isDrift;
    });
    assert.equal(drifts.length, 3);
  });
});

describe("Page-Hinkley", () => {
  it("does not depend on scale and origin", () => {
    const expected = driftsIn(new PageHinkley(), jumps);
    assert.ok(expected.length >= 1);
    assert.deepEqual(
      driftsIn(
        new PageHinkley(),
        jumps.map((value) => value * 1024),
      ),
      expected,
    );
    assert.deepEqual(
      driftsIn(
        new PageHinkley(),
        jumps.map((value) => value * 3e-5 + 0.02),
      ),
      expected,
    );
  });

  it("finds only changes in its direction", () => {
    const rise = stream(4, [5_000, normal()], [1_000, normal(1)]);
    const fall = rise.map((value) => -value);
    for (const [direction, rises, falls] of [
      ["up", 1, 0],
      ["down", 0, 1],
      ["both", 1, 1],
    ] as const) {
      assert.equal(driftsIn(new PageHinkley({ direction }), rise).length, rises, `${direction} on a rise`);
      assert.equal(driftsIn(new PageHinkley({ direction }), fall).length, falls, `${direction} on a fall`);
    }
  });

  it("finds a slow ramp, and says nothing before the warm-up is over", () => {
    const values = unchanged.slice(0, 20_000).map((value, index) => value + index / 10_000);
    const [first = 0] = driftsIn(new PageHinkley(), values);
    assert.ok(first > 1_000 && first < 10_000, String(first));
    assert.deepEqual(driftsIn(new PageHinkley({ warm_up: 10_000 }), jumps), []);
  });
});

describe("KSWIN", () => {
  it("depends on the order of the values alone", () => {
    const expected = driftsIn(new Kswin(), jumps);
    assert.ok(expected.length >= 1);
    assert.deepEqual(driftsIn(new Kswin(), jumps.map(Math.exp)), expected);
  });

  it("draws with its seed: the same again, another with another", () => {
    const drifts = (seed: number) => driftsIn(new Kswin({ seed, alpha: 1e-4 }), jumps);
    assert.deepEqual(drifts(5), drifts(5));
    assert.notDeepEqual(drifts(5), drifts(6));
  });

  it("sees another shape with the same mean when its samples are large enough", () => {
    const values = stream(6, [8_000, normal()], [8_000, normal(0, 2)]);
    const drifts = driftsIn(new Kswin({ window_size: 2_000, stat_size: 1_000 }), values);
    assert.ok(drifts.length === 1 && (drifts[0] ?? 0) > 8_000, drifts.join(", "));
  });

  it("refuses sizes and levels that can never find drift, and names them", () => {
    for (const [options, pattern] of [
      [{ stat_size: 5 }, /stat_size: .*1e-7/],
      [{ window_size: 100, stat_size: 60 }, /stat_size: must be at most half/],
      [{ alpha: 0 }, /alpha/],
      [{ window_size: 100_000 }, /window_size/],
      [{ size: 3 } as object, /size/],
    ] as const)
      assert.throws(() => new Kswin(options), hasCode("INVALID_REQUEST", pattern));
    assert.throws(() => new Adwin({ delta: 1 }), hasCode("INVALID_REQUEST", /delta/));
    assert.throws(() => new PageHinkley({ warm_up: 1 }), hasCode("INVALID_REQUEST", /warm_up/));
  });
});

describe("false alarms in 200,000 normal values, River's options and ours", () => {
  const count = (detector: Adwin | Kswin | PageHinkley) => driftsIn(detector, unchanged).length;

  it("Page-Hinkley: hundreds, and none", () => {
    assert.ok(count(new PageHinkley({ mode: "river", delta: 0.005, threshold: 50, warm_up: 30 })) > 100);
    assert.equal(count(new PageHinkley()), 0);
  });

  it("KSWIN: one in some 700 values, and none", () => {
    const alarms = count(new Kswin({ alpha: 0.005, window_size: 100, stat_size: 30 }));
    assert.ok(alarms > 200 && alarms < 400, String(alarms));
    assert.equal(count(new Kswin()), 0);
  });

  it("ADWIN: at most one, and none", () => {
    assert.ok(count(new Adwin({ mode: "river", delta: 0.002 })) <= 1);
    assert.equal(count(new Adwin()), 0);
  });
});

describe("seeded random numbers", () => {
  it("are even, stay below their bound, and go on from a stored state", () => {
    const random = new SeededRandom(9);
    const counts = Array.from({ length: 7 }, () => 0);
    for (let turn = 0; turn < 70_000; turn++) (counts[random.below(7)] as number)++;
    for (const count of counts) assert.ok(Math.abs(count - 10_000) < 500, counts.join(", "));
    const next = new SeededRandom(9, random.state);
    for (let turn = 1; turn < 100; turn++) assert.equal(next.below(turn), random.below(turn));
    random.reset();
    assert.equal(random.below(1_000_000), new SeededRandom(9).below(1_000_000));
  });
});
