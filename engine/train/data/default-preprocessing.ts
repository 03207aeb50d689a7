/**
 * Preprocessing for inputs that nobody wrote any for, by what the trainer can take.
 *
 *     trees    texts as ordinal codes, times as parts; what is missing or unseen stays NaN, which trees split on
 *     linear   (and neural networks) numbers imputed with their median, an indicator beside, and scaled; texts and categories one-hot
 */
import { isKeptAsText, type ModelInput } from "../../core/model-input.ts";
import type { UnfittedStep } from "../../core/preprocessing.ts";

/** What a trainer takes: NaN and codes of categories, or numbers around 0. */
export type TrainerFamily = "trees" | "linear";

const TIME_PARTS = ["month", "day_of_week", "hour"] as const;

/** Empty when the model can read its inputs as they are. */
export function defaultPreprocessing(inputs: readonly ModelInput[], family: TrainerFamily): UnfittedStep[] {
  if (family === "trees" && !inputs.some(isKeptAsText)) return [];
  const columns = columnsOf(inputs);
  const split = stepIf(columns.times, (names) => ({
    type: "time_parts",
    columns: names,
    parts: [...TIME_PARTS],
  }));
  const steps = family === "trees" ? treeSteps(columns) : linearSteps(columns);
  // a time itself is no number: what else there is, in order
  const kept = [...columns.numbers, ...columns.texts, ...columns.parts];
  return [
    ...split,
    ...steps,
    ...(columns.times.length === 0 ? [] : [{ type: "select", columns: kept } as const]),
  ];
}

interface Columns {
  readonly numbers: readonly string[];
  /** To be encoded. */
  readonly texts: readonly string[];
  readonly times: readonly string[];
  /** Of the times. */
  readonly parts: readonly string[];
  /** Of numbers and parts, those that may be missing. */
  readonly missingNumbers: readonly string[];
  readonly missingBooleans: readonly string[];
}

function columnsOf(inputs: readonly ModelInput[]): Columns {
  const named = (isOne: (input: ModelInput) => boolean): string[] =>
    inputs.filter(isOne).map(({ name }) => name);
  const partsOf = (names: readonly string[]): string[] =>
    names.flatMap((name) => TIME_PARTS.map((part) => `${name}_${part}`));
  const isNumber = ({ type }: ModelInput): boolean => type === "float" || type === "int";
  const times = named(({ type }) => type === "timestamp");
  const missing = named(({ nullable }) => nullable === true);
  return {
    numbers: named((input) => isNumber(input) || input.type === "bool"),
    texts: named(({ type }) => type === "text" || type === "category"),
    times,
    parts: partsOf(times),
    missingNumbers: [
      ...named((input) => isNumber(input) && missing.includes(input.name)),
      ...partsOf(times.filter((name) => missing.includes(name))),
    ],
    missingBooleans: named(({ type, name }) => type === "bool" && missing.includes(name)),
  };
}

function treeSteps({ texts }: Columns): UnfittedStep[] {
  return stepIf(texts, (columns) => ({
    type: "ordinal_encoder",
    columns,
    handle_unknown: "use_encoded_value",
    unknown_value: null,
  }));
}

function linearSteps({
  numbers,
  texts,
  times,
  parts,
  missingNumbers,
  missingBooleans,
}: Columns): UnfittedStep[] {
  // which indicators there are is known after fitting only, and a select step names its columns before
  const indicator = times.length === 0 ? { add_indicator: true } : {};
  const impute = (names: readonly string[], strategy: "median" | "most_frequent"): UnfittedStep[] =>
    stepIf(names, (columns) => ({ type: "imputer", columns, strategy, ...indicator }));
  return [
    ...impute(missingNumbers, "median"),
    ...impute(missingBooleans, "most_frequent"),
    ...stepIf([...numbers, ...parts], (columns) => ({ type: "standard_scaler", columns })),
    ...stepIf(texts, (columns) => ({ type: "one_hot_encoder", columns, handle_unknown: "ignore" })),
  ];
}

/** No step without columns. */
function stepIf(names: readonly string[], make: (columns: string[]) => UnfittedStep): UnfittedStep[] {
  return names.length === 0 ? [] : [make([...names])];
}
