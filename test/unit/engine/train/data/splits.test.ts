/** What holds for every split of every set of rows, and what single methods promise. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { durationMs } from "../../../../../engine/core/duration.ts";
import {
  type TrainingValidation,
  trainingValidation,
} from "../../../../../engine/core/training-validation.ts";
import { groupsOf } from "../../../../../engine/train/data/row-groups.ts";
import {
  type DataSplit,
  type Fold,
  type SplitRows,
  splitRows,
} from "../../../../../engine/train/data/splits.ts";
import { hasCode } from "../../../../support/error-code.ts";
import { createRandom } from "../../../../support/random.ts";

const HOUR_MS = 3_600_000;
const random = createRandom();

/** Rows of entities of some rows each, at times of which many are alike, in no order. */
function someRows(rows: number): SplitRows {
  const entities = random.between(200, rows);
  const groups = groupsOf(rows, () => `entity ${random.between(1, entities)}`);
  const timesMs = Float64Array.from({ length: rows }, () => random.between(0, rows * 2) * HOUR_MS);
  return { rows, groups, timesMs };
}

function someValidation(method: TrainingValidation["method"]): TrainingValidation {
  const isByTime = method === "time_series" || method === "out_of_time";
  return trainingValidation.parse({
    method,
    test_share: random.between(10, 40) / 100,
    validation_share: random.next() < 0.3 ? 0 : random.between(10, 40) / 100,
    ...(method === "k_fold" || method === "time_series" ? { folds: random.between(2, 6) } : {}),
    ...(isByTime && random.next() < 0.7 ? { embargo: `${random.between(1, 30)}h` } : {}),
  });
}

/** 60 splits of a method, with what they were made from. */
function* splitsBy(method: TrainingValidation["method"]) {
  for (let round = 0; round < 60; round++) {
    const rows = someRows(random.between(500, 1500));
    const validation = someValidation(method);
    yield {
      rows,
      validation,
      split: splitRows(rows, validation),
      name: `seed ${random.seed}: ${JSON.stringify(validation)}`,
    };
  }
}

const partsOf = ({ training, validation }: Fold): Uint32Array[] => [training, validation];
/** The parts of which no two may share a row: those of the finished model, and those of each fold with the test rows. */
const cutsOf = ({ final, test, folds }: DataSplit): Uint32Array[][] =>
  [final, ...folds].map((fold) => [...partsOf(fold), test]);

describe("splits", () => {
  for (const method of ["holdout", "k_fold", "time_series", "out_of_time"] as const) {
    it(`by ${method} have parts that share no row, ascend, and are the same again`, () => {
      for (const { rows, validation, split, name } of splitsBy(method)) {
        for (const parts of cutsOf(split)) {
          const all = parts.flatMap((part) => [...part]);
          assert.equal(new Set(all).size, all.length, name);
          assert.ok(
            all.every((row) => row < rows.rows),
            name,
          );
          for (const part of parts)
            assert.deepEqual(
              [...part],
              [...part].sort((a, b) => a - b),
              name,
            );
        }
        assert.deepEqual(splitRows(rows, validation), split, name);
      }
    });
  }

  for (const method of ["holdout", "k_fold"] as const)
    it(`by ${method} cover all rows, and no entity is in two parts`, () => {
      for (const { rows, split, name } of splitsBy(method)) {
        for (const parts of cutsOf(split)) {
          assert.equal(
            parts.reduce((sum, part) => sum + part.length, 0),
            rows.rows,
            name,
          );
          const groups = parts.map((part) => new Set([...part].map((row) => rows.groups[row])));
          const all = groups.flatMap((some) => [...some]);
          assert.equal(new Set(all).size, all.length, name);
        }
      }
    });

  it("by k_fold validate on every row but those of the test once", () => {
    for (const { rows, split, name } of splitsBy("k_fold")) {
      const held = split.folds.flatMap(({ validation }) => [...validation]);
      assert.deepEqual(
        held.sort((a, b) => a - b),
        [...split.final.training, ...split.final.validation].sort((a, b) => a - b),
        name,
      );
      assert.equal(held.length + split.test.length, rows.rows, name);
    }
  });

  for (const method of ["time_series", "out_of_time"] as const)
    it(`by ${method} keep the embargo before each later part, and leave out no other row`, () => {
      for (const { rows, validation, split, name } of splitsBy(method)) {
        assert.ok(validation.method === method);
        const embargoMs = validation.embargo === undefined ? 0 : (durationMs(validation.embargo) ?? 0);
        const times = (part: Uint32Array): number[] => [...part].map((row) => rows.timesMs?.[row] as number);
        const least = (part: Uint32Array): number => Math.min(...times(part));
        const most = (part: Uint32Array): number => Math.max(...times(part));
        for (const [training, validationPart, test] of cutsOf(split) as [
          Uint32Array,
          Uint32Array,
          Uint32Array,
        ][]) {
          assert.ok(most(training) < least(test) - embargoMs, name);
          if (validationPart.length === 0) continue;
          assert.ok(most(training) < least(validationPart) - embargoMs, name);
          assert.ok(most(validationPart) < least(test) - embargoMs, name);
        }
        const { final, test } = split;
        const used = new Set([...final.training, ...final.validation, ...test]);
        const starts = [test, ...(final.validation.length === 0 ? [] : [final.validation])].map(least);
        for (let row = 0; row < rows.rows; row++) {
          if (used.has(row)) continue;
          const at = rows.timesMs?.[row] as number;
          assert.ok(
            starts.some((start) => at < start && at >= start - embargoMs),
            name,
          );
        }
      }
    });

  it("by time_series learn from more and more, always before what they validate on", () => {
    for (const { split, name } of splitsBy("time_series")) {
      for (const [at, { training }] of split.folds.entries()) {
        const next = split.folds[at + 1];
        if (next === undefined) continue;
        const later = new Set(next.training);
        assert.ok(
          training.every((row) => later.has(row)),
          name,
        );
        assert.ok(next.training.length > training.length, name);
      }
    }
  });

  it("meet their shares", () => {
    const rows = 50_000;
    const timesMs = Float64Array.from({ length: rows }, (_, row) => row * 1000);
    const all = { rows, groups: groupsOf(rows, (row) => `row ${row}`), timesMs };
    for (const method of ["holdout", "out_of_time"] as const) {
      const { final, test } = splitRows(all, trainingValidation.parse({ method }));
      const off = [
        test.length / rows - 0.2,
        final.validation.length / rows - 0.08,
        final.training.length / rows - 0.72,
      ];
      assert.ok(
        off.every((one) => Math.abs(one) < 0.005),
        `${method}: ${off.join(" ")}`,
      );
    }
    const { folds } = splitRows(all, trainingValidation.parse({ method: "k_fold", folds: 4 }));
    assert.ok(folds.every(({ validation }) => Math.abs(validation.length / rows - 0.2) < 0.005));
  });

  it("by hash depend on the group alone: more rows, or another order, move none", () => {
    const names = Array.from({ length: 2000 }, (_, at) => `entity ${at}`);
    const validation = trainingValidation.parse({ method: "holdout" });
    const testOf = (some: readonly string[]): string[] => {
      const { test } = splitRows(
        { rows: some.length, groups: groupsOf(some.length, (row) => some[row] as string) },
        validation,
      );
      return [...test].map((row) => some[row] as string).sort();
    };
    const few = testOf(names.slice(0, 1000));
    assert.deepEqual(testOf(names.slice(0, 1000).reverse()), few);
    assert.deepEqual(
      testOf(names).filter((name) => names.indexOf(name) < 1000),
      few,
    );
  });

  it("of rows of one moment stay together", () => {
    const timesMs = Float64Array.from([1, 1, 2, 2, 2, 2, 2, 2, 3, 3], (at) => at * HOUR_MS);
    const { final, test } = splitRows(
      { rows: 10, groups: new Uint32Array(10), timesMs },
      trainingValidation.parse({ method: "out_of_time", test_share: 0.4, validation_share: 0 }),
    );
    assert.deepEqual(
      [[...final.training], [...test]],
      [
        [0, 1],
        [2, 3, 4, 5, 6, 7, 8, 9],
      ],
    );
  });

  it("that cannot be made are refused with the remedy", () => {
    const groups = new Uint32Array(100).fill(7);
    const one = { rows: 100, groups };
    const parse = (method: string, more = {}): TrainingValidation =>
      trainingValidation.parse({ method, ...more });
    assert.throws(
      () => splitRows(one, parse("out_of_time")),
      hasCode("INVALID_REQUEST", /name a time_column/),
    );
    assert.throws(
      () => splitRows(one, parse("holdout")),
      hasCode("INVALID_REQUEST", /leaves no rows for .* more rows or entities/),
    );
    const timed = { ...one, timesMs: Float64Array.from(groups, (_, row) => row * HOUR_MS) };
    assert.throws(
      () => splitRows(timed, parse("out_of_time", { embargo: "10d" })),
      hasCode("INVALID_REQUEST", /no rows for training: take a longer period, a smaller embargo/),
    );
    const alike = { ...one, timesMs: new Float64Array(100) };
    assert.throws(() => splitRows(alike, parse("time_series")), hasCode("INVALID_REQUEST", /no rows for/));
  });
});
