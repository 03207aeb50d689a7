/**
 * A model's inputs as its explanations see them: the players that its columns belong to, and the inputs' values as a request gives
 * them. Worked out once a model version.
 *
 * Columns that are made of the same inputs are one player: all categories of a one-hot encoding, say. What a player of several inputs
 * contributes (a distance between two places) is shared evenly among them.
 */
import { columnOrigins } from "./core/column-origins.ts";
import type { ModelManifest } from "./core/manifest.ts";
import { isKeptAsText, type ModelInput } from "./core/model-input.ts";

export type ExplainedValue = string | number | boolean | null;

export class ExplainedInputs {
  /** Player of each number that the model reads. */
  readonly players: Int32Array;
  readonly playerCount: number;
  readonly names: readonly string[];
  readonly #inputs: readonly ModelInput[];
  /** By player. */
  readonly #origins: readonly (readonly number[])[];

  constructor({ inputs, preprocessing = [] }: ModelManifest) {
    const indexes = new Map<string, number>();
    const origins: (readonly number[])[] = [];
    this.players = Int32Array.from(columnOrigins(inputs, preprocessing), (made) => {
      const key = made.join(" ");
      const index = indexes.get(key) ?? indexes.size;
      if (index === indexes.size) origins.push(made);
      indexes.set(key, index);
      return index;
    });
    this.playerCount = indexes.size;
    this.names = inputs.map(({ name }) => name);
    this.#inputs = inputs;
    this.#origins = origins;
  }

  /** Contributions of players as those of inputs, in the order of the manifest. */
  toInputs(contributions: Float64Array): Float64Array {
    const sums = new Float64Array(this.#inputs.length);
    for (const [player, contribution] of contributions.entries()) {
      const origins = this.#origins[player] ?? [];
      for (const input of origins) sums[input] = (sums[input] as number) + contribution / origins.length;
    }
    return sums;
  }

  /** The values of a row as a request would give them; null for what is missing. */
  valuesOf(raw: Float32Array, texts: readonly string[]): ExplainedValue[] {
    let text = 0;
    return this.#inputs.map((input, at) => {
      if (isKeptAsText(input)) return texts[text++] || null;
      const number = raw[at] as number;
      if (Number.isNaN(number)) return null;
      if (input.type === "category") return input.categories[number] ?? null;
      return input.type === "bool" ? number === 1 : shortest(number);
    });
  }
}

/** The shortest decimal that is this float32: 0.1, not 0.10000000149011612. */
function shortest(number: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(number.toPrecision(digits));
    if (Math.fround(short) === number) return short;
  }
  return number;
}
