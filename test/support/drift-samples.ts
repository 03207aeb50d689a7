/** Golden values of the measures of drift (see test/fixtures/make-drift.py), and random samples of awkward shapes. */
import { readFileSync } from "node:fs";
import { fixture } from "./model.ts";
import type { Random } from "./random.ts";

/** The cases of one file. */
export function driftGoldens(name: string): readonly unknown[] {
  return JSON.parse(readFileSync(fixture(`drift/${name}.json`), "utf8")) as unknown[];
}

/** Numbers as the file has them: infinite ones are texts. */
export function float32sOf(values: readonly (number | string)[]): Float32Array {
  return Float32Array.from(values, (value) =>
    value === "inf" ? Infinity : value === "-inf" ? -Infinity : Number(value),
  );
}

const special = Float32Array.of(0, -0, 1e-45, -1e-45, 3.4028235e38, -3.4e38, 1.1754944e-38, 1, -1);

/** How samples are drawn: each shape is awkward for bins in its own way. None has the smallest float32. */
export const SHAPES: Readonly<Record<string, (random: Random) => number>> = {
  uniform: (random) => random.next(),
  normal: (random) => normal(random),
  heavyTail: (random) => 1 / (random.next() + 1e-7),
  lognormal: (random) => Math.exp(3 * normal(random)),
  zeros: (random) => (random.next() < 0.6 ? 0 : normal(random)),
  integers: (random) => random.between(-3, 12),
  counts: (random) => Math.floor(300 * random.next() ** 4),
  offset: (random) => 1e6 + normal(random),
  bits: (random) => fromBits(random.between(0, 2 ** 32 - 1)),
  special: (random) => special[random.between(0, special.length - 1)] ?? 0,
};

export function sample(random: Random, shape: string, size: number): Float32Array {
  const draw = SHAPES[shape];
  if (draw === undefined) throw new Error(`there is no shape ${shape}`);
  return Float32Array.from({ length: size }, () => draw(random));
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

/** Any finite float32, denormal ones included. */
function fromBits(bits: number): number {
  const value = new Float32Array(Uint32Array.of(bits).buffer)[0] ?? 0;
  return Number.isFinite(value) ? value : 0;
}
