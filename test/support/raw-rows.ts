/** Rows of plain values as raw rows, the way a batch holds them: what a pipeline is fitted on and transforms. */
import { isKeptAsText, type ModelInput } from "../../engine/core/model-input.ts";
import type { Pipeline } from "../../engine/transform/pipeline.ts";
import type { RawRows } from "../../engine/transform/raw-rows.ts";

/** Values by input; a timestamp as ISO 8601, a category as its name, null for missing. */
export type PlainRow = readonly (string | number | boolean | null)[];

export function rawRowsOf(inputs: readonly ModelInput[], rows: readonly PlainRow[]): RawRows {
  const numbers = rows.flatMap((row) => inputs.map((input, at) => rawNumber(input, row[at] ?? null)));
  const texts = rows.flatMap((row) =>
    inputs.flatMap((input, at) => (isKeptAsText(input) ? [String(row[at] ?? "")] : [])),
  );
  return { count: rows.length, numbers: Float32Array.from(numbers), texts };
}

function rawNumber(input: ModelInput, value: string | number | boolean | null): number {
  if (isKeptAsText(input)) return 0;
  if (value === null) return Number.NaN;
  return input.type === "category" ? input.categories.indexOf(String(value)) : Number(value);
}

/** What the pipeline makes of each row; throws its refusal. */
export function transformed(pipeline: Pipeline, { count, numbers, texts }: RawRows): number[][] {
  return Array.from({ length: count }, (_, row) => {
    const out = new Float32Array(pipeline.width + 2).fill(-7);
    const isAllowed = pipeline.write(
      numbers,
      (row * numbers.length) / count,
      texts,
      (row * texts.length) / count,
      out,
      1,
    );
    if (!isAllowed) throw pipeline.explain();
    if (out[0] !== -7 || out.at(-1) !== -7) throw new Error("it wrote beside its row");
    return [...out.subarray(1, -1)];
  });
}
