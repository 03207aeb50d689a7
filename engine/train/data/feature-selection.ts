/**
 * Which inputs a model learns from, when it shall not be all: the inputs, their columns, and the preprocessing that is left.
 */
import { fieldInvalid } from "../../core/errors.ts";
import { isKeptAsText, type ModelInput } from "../../core/model-input.ts";
import type { UnfittedStep } from "../../core/preprocessing.ts";
import type { FeatureSelection } from "../../core/training-data.ts";
import { unknownName } from "./nearest-name.ts";
import type { TrainingTable } from "./training-table.ts";

/** In their order. @throws EngineError INVALID_REQUEST for a name that is no input, and when none is left. */
export function selectedInputs(
  inputs: readonly ModelInput[],
  { include, exclude = [] }: FeatureSelection,
): readonly ModelInput[] {
  const names = inputs.map(({ name }) => name);
  const check = (field: string, wanted: readonly string[]): void => {
    for (const [at, name] of wanted.entries())
      if (!names.includes(name)) throw fieldInvalid(`features.${field}.${at}`, unknownName(name, names));
  };
  check("include", include ?? []);
  check("exclude", exclude);
  const left = inputs.filter(({ name }) => (include?.includes(name) ?? true) && !exclude.includes(name));
  if (left.length === 0) throw fieldInvalid("features", "leave no input: a model needs one");
  return left;
}

/** The table with these of its inputs only. */
export function selectColumns(table: TrainingTable, inputs: readonly ModelInput[]): TrainingTable {
  if (inputs.length === table.inputs.length) return table;
  const kept = new Set(inputs.map(({ name }) => name));
  const places = table.inputs.flatMap(({ name }, at) => (kept.has(name) ? [at] : []));
  const textPlaces = table.inputs
    .filter(isKeptAsText)
    .flatMap(({ name }, at) => (kept.has(name) ? [at] : []));
  const { count, numbers, texts } = table.raw;
  const textWidth = texts.length / Math.max(1, count);
  const picked = new Float32Array(count * places.length);
  const pickedTexts: string[] = [];
  for (let row = 0; row < count; row++) {
    for (let at = 0; at < places.length; at++)
      picked[row * places.length + at] = numbers[
        row * table.inputs.length + (places[at] as number)
      ] as number;
    for (const at of textPlaces) pickedTexts.push(texts[row * textWidth + at] as string);
  }
  return { ...table, inputs, raw: { count, numbers: picked, texts: pickedTexts } };
}

/**
 * The steps without the columns of inputs that were left out. Steps that treat each column by itself lose those columns.
 * @throws EngineError INVALID_REQUEST for a step that makes something of several columns and needs one that was left out.
 */
export function stepsWithout(steps: readonly UnfittedStep[], left: ReadonlySet<string>): UnfittedStep[] {
  const gone = new Set(left);
  return steps.flatMap((step, index): UnfittedStep[] => {
    const reads = readBy(step);
    if (!reads.some((name) => gone.has(name))) return [step];
    if (!("columns" in step) || "output" in step) {
      const name = reads.find((one) => gone.has(one));
      throw fieldInvalid(
        "features.exclude",
        `preprocessing.${index} (${step.type}) needs "${name}": keep it, or change the step`,
      );
    }
    const keeps = step.columns.map((name) => !gone.has(name));
    const outputs = "outputs" in step ? step.outputs : undefined;
    for (const [at, name] of (outputs ?? []).entries()) if (keeps[at] === false) gone.add(name);
    if (step.type === "time_parts")
      for (const name of step.columns)
        if (gone.has(name)) for (const part of step.parts) gone.add(`${name}_${part}`);
    const kept = <T>(values: readonly T[]): T[] => values.filter((_, at) => keeps[at]);
    if (!keeps.includes(true)) return [];
    // what it had learned is learned anew; lists by column would no longer fit
    return [
      unlearned({
        ...step,
        columns: kept(step.columns),
        ...(outputs === undefined ? {} : { outputs: kept(outputs) }),
      }),
    ];
  });
}

function readBy(step: UnfittedStep): string[] {
  if ("columns" in step) return step.columns;
  return [...step.from, ...step.to].filter((part) => typeof part === "string");
}

const LEARNED = [
  "statistics",
  "indicators",
  "mean",
  "scale",
  "data_min",
  "data_max",
  "center",
  "categories",
  "kept",
];

function unlearned(step: UnfittedStep): UnfittedStep {
  return Object.fromEntries(Object.entries(step).filter(([name]) => !LEARNED.includes(name))) as UnfittedStep;
}
