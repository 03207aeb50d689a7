/**
 * What every drift detector must do, whatever its method. drift-detector.test.ts runs it for each of them.
 *
 * Streams are made from seeds, so a failure repeats.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type DriftDetector, VALUE_MAX } from "../../engine/monitor/detectors/drift-detector.ts";
import { type Draw, driftsIn, errors, normal, stream } from "../support/drift-streams.ts";
import { hasCode } from "../support/error-code.ts";

export interface DriftDetectorCase {
  readonly create: () => DriftDetector;
  readonly restore: (json: unknown) => DriftDetector;
  /** Within how many values it finds a mean that jumps by three deviations. */
  readonly delayMax: number;
}

/** Eight hours at 10 values a second, with at most one false alarm. */
const QUIET_VALUES = 300_000;
const FALSE_ALARMS_MAX = 1;
const STATE_BYTES_MAX = 64 * 1024;
const STREAMS: Readonly<Record<string, Draw>> = {
  "of normal values": normal(),
  "of errors, half of them 1": errors(0.5),
  "of errors, one in ten 1": errors(0.1),
  "of small scores": (random) => (random.uniform() * random.uniform()) / 16,
  "of one value": () => 0.1,
};

export function describeDriftDetector(name: string, subject: DriftDetectorCase): void {
  describe(`drift detector ${name}`, () => {
    describeAlarms(subject);
    describeState(subject);
    describeRefusals(subject);
  });
}

function describeAlarms({ create, delayMax }: DriftDetectorCase): void {
  for (const [what, draw] of Object.entries(STREAMS))
    it(`stays quiet on a stream ${what}`, () => {
      const alarms = driftsIn(create(), stream(11, [QUIET_VALUES, draw])).length;
      assert.ok(alarms <= FALSE_ALARMS_MAX, `${alarms} false alarms`);
    });

  for (const [what, before, after] of [
    ["of the mean upwards", normal(), normal(3)],
    ["of the mean downwards", normal(), normal(-3)],
    ["of the error rate", errors(0.05), errors(0.8)],
    ["from one value to another", () => 0, () => 1],
  ] as const)
    it(`finds a jump ${what} soon, and no other`, () => {
      for (let seed = 0; seed < 10; seed++) {
        const drifts = driftsIn(create(), stream(seed, [5_000, before], [5_000, after]));
        const [first = Number.NaN] = drifts;
        assert.ok(first >= 5_000 && first < 5_000 + delayMax, `seed ${seed}: drift at ${drifts.join(", ")}`);
        assert.ok(drifts.length === 1, `seed ${seed}: drift at ${drifts.join(", ")}`);
      }
    });

  it("finds a second jump after the first", () => {
    const values = stream(3, [5_000, normal()], [5_000, normal(3)], [5_000, normal()]);
    const drifts = driftsIn(create(), values);
    assert.ok(
      drifts.some((index) => index >= 10_000 && index < 10_000 + delayMax),
      drifts.join(", "),
    );
  });
}

function describeState({ create, restore }: DriftDetectorCase): void {
  const values = stream(5, [4_000, normal()], [1_500, normal(3)], [1_500, normal(3, 0.1)]);

  it("goes on to the bit from a state that went through JSON, wherever it is taken", () => {
    const whole = create();
    const expected = driftsIn(whole, values);
    assert.ok(expected.length > 0);
    for (const cut of [
      0,
      1,
      7,
      99,
      1_000,
      3_999,
      ...expected,
      ...expected.map((index) => index + 1),
      6_999,
    ]) {
      const first = create();
      const before = driftsIn(first, values.slice(0, cut));
      const text = JSON.stringify(first);
      const second = restore(JSON.parse(text));
      assert.equal(JSON.stringify(second), text, `state at ${cut}`);
      const after = driftsIn(second, values.slice(cut)).map((index) => index + cut);
      assert.deepEqual([...before, ...after], expected, `cut at ${cut}`);
      assert.equal(JSON.stringify(second), JSON.stringify(whole), `end, cut at ${cut}`);
    }
  });

  it("goes on to the bit when it is stored after every value", () => {
    const whole = create();
    let stored = create();
    for (const value of values.slice(3_500, 4_500)) {
      stored = restore(JSON.parse(JSON.stringify(stored)));
      assert.equal(stored.update(value), whole.update(value));
    }
    assert.equal(JSON.stringify(stored), JSON.stringify(whole));
  });

  it("is as new after a reset", () => {
    const used = create();
    driftsIn(used, values);
    used.reset();
    assert.equal(JSON.stringify(used), JSON.stringify(create()));
    assert.deepEqual(driftsIn(used, values), driftsIn(create(), values));
  });

  it("has a state that does not grow with the stream", () => {
    const detector = create();
    driftsIn(detector, stream(8, [300_000, normal()]));
    const bytes = JSON.stringify(detector).length;
    assert.ok(bytes <= STATE_BYTES_MAX, `${bytes} bytes`);
  });
}

function describeRefusals({ create, restore }: DriftDetectorCase): void {
  it("refuses what is no finite number, names it, and stays as it was", () => {
    const detector = create();
    driftsIn(detector, stream(2, [500, normal()]));
    const before = JSON.stringify(detector);
    for (const [value, text] of [
      [Number.NaN, /NaN/],
      [Number.POSITIVE_INFINITY, /is Infinity/],
      [Number.NEGATIVE_INFINITY, /-Infinity/],
      [VALUE_MAX * 10, /1e\+101/],
      [undefined as unknown as number, /undefined/],
    ] as const) {
      assert.throws(() => detector.update(value), hasCode("INVALID_REQUEST", text));
      assert.equal(JSON.stringify(detector), before);
    }
  });

  it("takes the largest values there are without losing its senses", () => {
    const detector = create();
    for (const value of stream(4, [3_000, (random) => (random.uniform() - 0.5) * 2 * VALUE_MAX]))
      detector.update(value);
    const state = JSON.stringify(detector);
    assert.ok(!state.includes("null"), state);
    assert.equal(JSON.stringify(restore(JSON.parse(state))), state);
  });

  it("refuses a state that it has not made", () => {
    const state = JSON.parse(JSON.stringify(create())) as Record<string, unknown>;
    for (const wrong of [
      null,
      1,
      {},
      [],
      { ...state, kind: "other" },
      { ...state, more: 1 },
      { ...state, options: 0 },
    ])
      assert.throws(() => restore(wrong), hasCode("INVALID_REQUEST", /^state of /));
  });
}
