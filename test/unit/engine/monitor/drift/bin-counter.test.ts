/** The counting of served rows against the plain definition: the bin of a value is the number of edges below it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { BinCounter } from "../../../../../engine/monitor/drift/bin-counter.ts";
import { previousFloat32 } from "../../../../../engine/monitor/drift/float32-order.ts";
import { NumberBins } from "../../../../../engine/monitor/drift/number-bins.ts";
import {
  buildProfile,
  type ColumnValues,
} from "../../../../../engine/monitor/references/reference-builder.ts";
import type { WatchedColumn } from "../../../../../engine/monitor/references/reference-profile.ts";
import { SHAPES, sample } from "../../../../support/drift-samples.ts";
import { createRandom, type Random } from "../../../../support/random.ts";

const SHAPE_NAMES = Object.keys(SHAPES);
const COLUMNS: readonly WatchedColumn[] = [
  ...SHAPE_NAMES.map((name) => ({ name, role: "input", type: "number" }) as const),
  { name: "word", role: "input", type: "category" },
  { name: "predicted_value", role: "output", type: "number" },
];

function definedSlot(edges: readonly number[], value: number): number {
  return Number.isNaN(value) ? edges.length + 1 : edges.filter((edge) => edge < value).length;
}

function profileOf(random: Random, bins: number) {
  const values = new Map<string, ColumnValues>(SHAPE_NAMES.map((name) => [name, sample(random, name, 500)]));
  values.set(
    "word",
    Array.from({ length: 500 }, (_, at) => (at % 7 === 0 ? null : `w${at % 5}`)),
  );
  values.set("predicted_value", sample(random, "uniform", 500));
  return buildProfile(COLUMNS, values, { bins });
}

/** Rows in the middle of other bytes, as they stand in the log. */
function standing(numbers: Float32Array, stride: number): { view: DataView; places: Int32Array } {
  const gap = 7;
  const rowBytes = gap + 4 * stride;
  const places = Int32Array.from({ length: numbers.length / stride }, (_, row) => gap + row * rowBytes);
  const bytes = new Uint8Array(places.length * rowBytes);
  const values = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  places.forEach((place, row) => {
    bytes.set(values.subarray(row * stride * 4, (row + 1) * stride * 4), place);
  });
  return { view: new DataView(bytes.buffer), places };
}

describe("bin counter", () => {
  it("finds the bin that the definition gives, for every kind of float", () => {
    const random = createRandom();
    for (const bins of [2, 20, 200])
      for (const column of profileOf(random, bins).columns) {
        if (column.type !== "number") continue;
        const { edges } = column;
        const places = new NumberBins(edges);
        const tried = [
          Infinity,
          -Infinity,
          Number.NaN,
          0,
          -0,
          1e-45,
          -1e-45,
          ...edges,
          ...edges.map(previousFloat32),
        ];
        for (const shape of SHAPE_NAMES) tried.push(...sample(random, shape, 300));
        for (const value of tried.map(Math.fround))
          assert.equal(
            places.slotOf(value),
            definedSlot(edges, value),
            `${value} in ${column.name}, seed ${random.seed}`,
          );
      }
  });

  it("counts rows of several columns as one by one, wherever they stand", () => {
    const random = createRandom();
    const profile = profileOf(random, 20);
    const counter = new BinCounter(profile);
    assert.equal(counter.stride, SHAPE_NAMES.length);
    const rows = 700;
    const features = new Float32Array(rows * counter.stride);
    const drawn = SHAPE_NAMES.map((name) => sample(random, name, rows));
    for (let row = 0; row < rows; row++)
      drawn.forEach((values, at) => {
        const odd = [Number.NaN, Infinity, -Infinity][random.between(0, 20)];
        features[row * counter.stride + at] = odd ?? values[row] ?? 0;
      });
    const counts = new Uint32Array(counter.slots);
    const { view, places } = standing(features, counter.stride);
    counter.countRows(view, places.subarray(100), 500, counts);
    counter.countRows(view, places.subarray(600), 1, counts);
    counter.countRows(view, places.subarray(601), 0, counts);
    const expected = new Uint32Array(counter.slots);
    for (let row = 100; row < 601; row++)
      for (let at = 0; at < counter.stride; at++) {
        const slot = counter.slotOf(at, features[row * counter.stride + at] ?? 0);
        expected[slot] = (expected[slot] ?? 0) + 1;
      }
    assert.deepEqual(counts, expected, `seed ${random.seed}`);
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      501 * counter.stride,
    );
  });

  it("NaN of either sign is null", () => {
    const { columns } = profileOf(createRandom(1), 20);
    const counter = new BinCounter({ format: 1, bins: 20, rows: 500, columns: columns.slice(0, 1) });
    const counts = new Uint32Array(counter.slots);
    const nulls = new Float32Array(Uint32Array.of(0x7fc00000, 0xffc00000, 0x7f800001, 0xff800001).buffer);
    const { view, places } = standing(nulls, 1);
    counter.countRows(view, places, 4, counts);
    assert.equal(counts.at(-1), 4);
  });

  it("categories: listed, not listed, null; outputs have slots too", () => {
    const profile = profileOf(createRandom(1), 20);
    const counter = new BinCounter(profile);
    const word = SHAPE_NAMES.length;
    const column = profile.columns[word];
    assert.ok(column?.type === "category");
    const start = counter.starts[word] ?? 0;
    assert.deepEqual(
      [column.values[2] ?? "", "never seen", ""].map((text) => counter.slotOf(word, text) - start),
      [2, 5, 6],
    );
    assert.equal(counter.slotOf(word + 1, Number.NaN), counter.slots - 1);
    const counts = new Uint32Array(counter.slots);
    const bytes = Buffer.from(`-${column.values[2]}-never seen`);
    counter.countText(word, bytes, 1, 3, counts);
    counter.countText(word, bytes, 4, 14, counts);
    counter.countText(word, bytes, 4, 4, counts);
    assert.deepEqual([...counts.subarray(start, start + 7)], [0, 0, 1, 0, 0, 1, 1]);
  });

  it("a column without edges has one bin and null", () => {
    const places = new NumberBins([]);
    assert.deepEqual(
      [-Infinity, 0, Infinity, Number.NaN].map((value) => places.slotOf(value)),
      [0, 0, 0, 1],
    );
  });
});
