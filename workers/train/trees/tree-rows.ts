/** What trees need of columns: numbers that are finite or missing, and codes within their category. */
import type { TrainingColumn, TrainingSet, TrainingTask } from "../../../engine/core/training-set.ts";
import { checkRows, trainingInvalid } from "../training-checks.ts";

/**
 * @throws EngineError INVALID_REQUEST naming the column: one that holds infinite values or unknown codes, or all of them when none
 * has two different values
 */
export function checkTreeRows(set: TrainingSet, task: TrainingTask): void {
  checkRows(set, task);
  for (const column of set.columns) checkColumn(column);
  if (!set.columns.some(varies))
    throw trainingInvalid(
      "columns",
      "none has two different values, so there is nothing to split by. Select others, or a longer period.",
    );
}

function checkColumn({ name, values, categories }: TrainingColumn): void {
  const isWrong =
    categories === undefined
      ? (value: number): boolean => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY
      : (value: number): boolean =>
          value === value && !(value >= 0 && value < categories && Number.isInteger(value));
  const wrong = values.find(isWrong);
  if (wrong === undefined) return;
  throw trainingInvalid(
    name,
    categories === undefined
      ? `${wrong} is no finite number. Leave such rows out, or clip the values.`
      : `${wrong} is none of the codes 0 to ${categories - 1}. Encode the column with an ordinal_encoder step.`,
  );
}

function varies({ values }: TrainingColumn): boolean {
  const first = values[0] as number;
  return values.some((value) => value !== first && (value === value || first === first));
}
