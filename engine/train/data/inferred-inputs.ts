/**
 * Which inputs a model can have, by what the columns of a table hold.
 *
 *     true and false        bool          numbers           float
 *     ISO 8601 times        timestamp     few texts         text, to be encoded: a value that was not seen is not refused then
 *
 * Left out, with a note: columns without values or with a single one, and texts of too many kinds (ids, free text). An input is
 * nullable when a value of it is missing. Numbers are floats, also when all are whole: an `int` would refuse 1.5 later.
 */
import type { ColumnCounts } from "../../../storage/table-profile.ts";
import type { ModelInput } from "../../core/model-input.ts";
import { featureName } from "../../core/names.ts";
import { CATEGORY_LENGTH_MAX } from "../../core/preprocessing.ts";
import type { DataNote } from "./training-table.ts";

/** More different texts are ids or free text: an encoder would learn each by heart. */
export const CATEGORIES_INFERRED_MAX = 255;

export interface InferredInput {
  /** Of the table. */
  readonly column: string;
  readonly input: ModelInput;
}

export interface InferredInputs {
  readonly inputs: readonly InferredInput[];
  readonly notes: readonly DataNote[];
}

/** @param columns those that are features. */
export function inferInputs(columns: readonly ColumnCounts[]): InferredInputs {
  const inputs: InferredInput[] = [];
  const notes: DataNote[] = [];
  const taken = new Set<string>();
  for (const counts of columns) {
    const { name: column } = counts;
    const kind = kindOf(counts);
    if ("leftOut" in kind) {
      notes.push({ field: column, message: `${kind.leftOut}: it is left out` });
      continue;
    }
    const name = inputName(column, taken);
    taken.add(name);
    if (name !== column) notes.push({ field: column, message: `is the input "${name}" of the model` });
    if (kind.type === "float" && counts.infinite > 0)
      notes.push({
        field: column,
        message: `has ${counts.infinite} numbers beyond float32: they count as missing`,
      });
    const bound = kind.type === "text" ? { max_length: CATEGORY_LENGTH_MAX } : {};
    inputs.push({ column, input: { name, ...kind, ...bound } });
  }
  return { inputs, notes };
}

interface Kind {
  readonly type: "float" | "bool" | "text" | "timestamp";
  readonly nullable?: true;
}

function kindOf(counts: ColumnCounts): Kind | { readonly leftOut: string } {
  const { rows, missing, numbers, infinite, booleans, times, distinct, longest } = counts;
  const present = rows - missing;
  if (present === 0) return { leftOut: "has no value in any row" };
  const nullable = missing + infinite > 0 ? ({ nullable: true } as const) : {};
  if (distinct === 1 && missing === 0) return { leftOut: "is the same in every row" };
  if (booleans === present) return { type: "bool", ...nullable };
  if (numbers + infinite === present) return { type: "float", ...nullable };
  if (times === present) return { type: "timestamp", ...nullable };
  if (longest > CATEGORY_LENGTH_MAX) return { leftOut: `has texts of up to ${longest} characters` };
  if (distinct > CATEGORIES_INFERRED_MAX)
    return { leftOut: `has more than ${CATEGORIES_INFERRED_MAX} different texts, like an id or free text` };
  return { type: "text", ...nullable };
}

/** The column's name as names of inputs may be: other characters become "_". */
function inputName(column: string, taken: ReadonlySet<string>): string {
  const plain = column.replaceAll(/[^A-Za-z0-9_.-]/g, "_").slice(0, 120);
  const whole = /^[A-Za-z]/.test(plain) ? plain : `x_${plain}`;
  const safe = featureName.safeParse(whole).success ? whole : `${whole}_`;
  if (!taken.has(safe)) return safe;
  for (let number = 2; ; number++) if (!taken.has(`${safe}_${number}`)) return `${safe}_${number}`;
}
