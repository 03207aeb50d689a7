/**
 * Which inputs each number that a model reads is made of: what explanations say of columns is said of the inputs behind them.
 *
 * Steps that make one column of one carry its inputs on; a distance or a geohash is made of all the columns that it reads, a product of
 * its two factors.
 */
import type { Column, LayoutInput, StepLayout } from "./column.ts";
import { layoutOf } from "./column-layout.ts";
import type { PreprocessingStep } from "./preprocessing.ts";

type Origins = readonly number[];

/** Per number of a row that the model reads, the indexes of its inputs, ascending. */
export function columnOrigins(
  inputs: readonly LayoutInput[],
  steps: readonly PreprocessingStep[],
): readonly Origins[] {
  if (steps.length === 0) return inputs.map((_, at) => [at]);
  const layout = layoutOf(inputs, steps);
  const places = new Places();
  layout.inputs.forEach((column, at) => places.set(column, () => [at]));
  for (const step of layout.steps) applyStep(places, step);
  return layout.features.map(({ slot }) => places.ofNumber(slot));
}

/** The origins of each place of a frame, numbers and texts apart. */
class Places {
  readonly #numbers = new Map<number, Origins>();
  readonly #texts = new Map<number, Origins>();

  set({ kind, slot, elements }: Column, originsOf: (element: number) => Origins): void {
    const places = kind === "text" ? this.#texts : this.#numbers;
    elements.forEach((_, element) => places.set(slot + element, originsOf(element)));
  }

  ofNumber(slot: number): Origins {
    return this.#numbers.get(slot) ?? [];
  }

  /** Of each of the column's numbers, or of its text. */
  of({ kind, slot, elements }: Column): Origins[] {
    const places = kind === "text" ? this.#texts : this.#numbers;
    return elements.map((_, element) => places.get(slot + element) ?? []);
  }
}

function applyStep(places: Places, { step, reads, writes }: StepLayout): void {
  const read = reads.map((column) => places.of(column));
  const all = union(read.flat());
  switch (step.type) {
    case "haversine_distance":
    case "geohash":
      for (const column of writes) places.set(column, () => all);
      return;
    case "polynomial_features": {
      const products = productsOf(read.flat(), step.interaction_only === true);
      for (const column of writes) places.set(column, (element) => products[element] ?? []);
      return;
    }
    case "time_parts":
      writes.forEach((column, at) =>
        places.set(column, () => union(read[Math.floor(at / step.parts.length)] ?? [])),
      );
      return;
    case "imputer":
      // behind the filled columns stand their indicators
      writes.forEach((column, at) => {
        const from =
          at < reads.length ? at : step.columns.indexOf(step.indicators?.[at - reads.length] ?? "");
        places.set(column, () => union(read[from] ?? []));
      });
      return;
    case "standard_scaler":
    case "min_max_scaler":
    case "robust_scaler":
    case "one_hot_encoder":
    case "ordinal_encoder":
    case "tfidf_vectorizer":
    case "cyclic_encoder":
    case "variance_threshold":
    case "select":
      writes.forEach((column, at) => places.set(column, () => union(read[at] ?? [])));
  }
}

/** In the order in which the step makes them: each number's square, then its products with those behind it. */
function productsOf(factors: readonly Origins[], interactionOnly: boolean): Origins[] {
  return factors.flatMap((factor, at) => [
    ...(interactionOnly ? [] : [factor]),
    ...factors.slice(at + 1).map((other) => union([factor, other])),
  ]);
}

function union(origins: readonly Origins[]): Origins {
  return [...new Set(origins.flat())].sort((a, b) => a - b);
}
