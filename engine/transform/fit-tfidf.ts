/**
 * What a TF-IDF step learns: the terms, sorted, and how rare each is, ln((1 + rows) / (1 + rows with the term)) + 1.
 */
import { stepInvalid } from "../core/column.ts";
import { FEATURES_MAX, type StepOf, type UnfittedOf } from "../core/preprocessing.ts";
import { byCodePoint } from "./code-point-order.ts";
import type { TrainingColumns } from "./fit-columns.ts";
import { termsOf } from "./words.ts";

interface TermCount {
  /** Rows that have the term. */
  rows: number;
  occurrences: number;
  lastRow: number;
}

/** @throws EngineError MODEL_INVALID when no term is left, or more than FEATURES_MAX. */
export function fitTfidf(
  step: UnfittedOf<"tfidf_vectorizer">,
  { index, columns }: TrainingColumns,
): StepOf<"tfidf_vectorizer"> {
  const [column] = columns;
  if (column?.kind !== "text") throw stepInvalid(index, "columns.0", `"${column?.name}" is no text`);
  const counts = countTerms(step, column.values);
  const kept = [...counts].filter(([, { rows }]) => rows >= (step.min_df ?? 1));
  if (step.max_features !== undefined && kept.length > step.max_features) {
    kept.sort(([a, first], [b, second]) => second.occurrences - first.occurrences || byCodePoint(a, b));
    kept.length = step.max_features;
  }
  if (kept.length === 0 || kept.length > FEATURES_MAX) {
    const remedy = kept.length === 0 ? "lower min_df" : "set max_features";
    const message = `${kept.length} terms were found; 1 to ${FEATURES_MAX} are allowed: ${remedy}`;
    throw stepInvalid(index, "vocabulary", message);
  }
  kept.sort(([a], [b]) => byCodePoint(a, b));
  const rows = column.values.length;
  return {
    ...step,
    vocabulary: kept.map(([term]) => term),
    idf: kept.map(([, count]) => Math.log((1 + rows) / (1 + count.rows)) + 1),
  };
}

function countTerms(
  { lowercase, ngram_range }: UnfittedOf<"tfidf_vectorizer">,
  texts: readonly string[],
): Map<string, TermCount> {
  const [least, most] = ngram_range ?? [1, 1];
  const counts = new Map<string, TermCount>();
  for (const [row, text] of texts.entries()) {
    for (const term of termsOf(text, lowercase !== false, least, most)) {
      let count = counts.get(term);
      if (count === undefined) counts.set(term, (count = { rows: 0, occurrences: 0, lastRow: -1 }));
      count.occurrences++;
      if (count.lastRow !== row) count.rows++;
      count.lastRow = row;
    }
  }
  return counts;
}
