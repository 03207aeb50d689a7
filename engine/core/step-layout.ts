/**
 * What each kind of step asks of the columns that it reads, and which columns it makes of them.
 *
 * Everything that does not fit is refused with preprocessing.N.field, so that kernels need no checks. Bound: SLOTS_MAX
 * numbers in a frame.
 */
import {
  type Category,
  type Column,
  type ColumnKind,
  type LayoutInput,
  type StepLayout,
  stepInvalid,
} from "./column.ts";
import type { EngineError } from "./errors.ts";
import { FEATURES_MAX, type PreprocessingStep, type StepOf } from "./preprocessing.ts";

const SLOTS_MAX = 4 * FEATURES_MAX;

/** What a new column is like; its place is found by LayoutState. */
interface Made {
  readonly name: string;
  readonly kind?: ColumnKind;
  readonly elements?: readonly string[];
  readonly mayBeMissing: boolean;
  readonly input: string;
  /** The column whose place it takes over, if it is of the same shape. */
  readonly over?: Column;
}

/** The columns so far. One for a pipeline, its inputs added first, then its steps applied in order. */
export class LayoutState {
  readonly columns = new Map<string, Column>();
  numbers = 0;
  texts = 0;
  #index = 0;

  addInput({ name, type, nullable }: LayoutInput): Column {
    const isText = type === "text" || type === "category";
    const kind = isText ? "text" : type === "timestamp" ? "time" : "number";
    return this.#make({ name, kind, mayBeMissing: nullable === true, input: name });
  }

  /** @throws EngineError MODEL_INVALID */
  apply(step: PreprocessingStep, index: number): StepLayout {
    this.#index = index;
    switch (step.type) {
      case "imputer":
        return this.#impute(step);
      case "standard_scaler":
        this.#checkLengths(step, "mean", "scale");
        return this.#scale(step);
      case "robust_scaler":
        this.#checkLengths(step, "center", "scale");
        return this.#scale(step);
      case "min_max_scaler":
        this.#checkLengths(step, "data_min", "data_max");
        if (step.feature_range !== undefined && !(step.feature_range[0] < step.feature_range[1]))
          throw this.#invalid("feature_range", "must be [lowest, highest]");
        return this.#scale(step);
      case "one_hot_encoder":
      case "ordinal_encoder":
        return this.#encode(step);
      case "tfidf_vectorizer":
        return this.#vectorize(step);
      case "time_parts":
        return this.#split(step);
      case "cyclic_encoder":
        return this.#perColumn(step, this.#read(step.columns, ["number"]), (column, name) => ({
          elements: [`${name}_sin`, `${name}_cos`],
          mayBeMissing: column.mayBeMissing,
        }));
      case "haversine_distance":
      case "geohash":
        return this.#locate(step);
      case "polynomial_features":
        return this.#multiply(step);
      case "variance_threshold":
        return this.#drop(step);
      case "select":
        return this.#select(step);
    }
  }

  #impute(step: StepOf<"imputer">): StepLayout {
    const reads = this.#read(step.columns, ["number", "text"]);
    this.#checkLengths(step, "statistics");
    step.statistics.forEach((value, at) => this.#checkValue(`statistics.${at}`, reads[at], value));
    const filled = this.#perColumn(step, reads, (column) => ({
      kind: column.kind,
      mayBeMissing: false,
      over: column,
    }));
    const byName = new Map(reads.map((column) => [column.name, column]));
    const indicators = (step.indicators ?? []).map((name, at) => {
      const column = byName.get(name);
      if (column === undefined) throw this.#invalid(`indicators.${at}`, `"${name}" is none of columns`);
      return this.#add("indicators", {
        name: `missingindicator_${name}`,
        mayBeMissing: false,
        input: column.input,
      });
    });
    return { step, reads, writes: [...filled.writes, ...indicators] };
  }

  #scale(step: StepOf<"standard_scaler" | "robust_scaler" | "min_max_scaler">): StepLayout {
    if ("scale" in step && step.scale.includes(0)) throw this.#invalid("scale", "must not be 0");
    return this.#perColumn(step, this.#read(step.columns, ["number"]), (column) => ({
      mayBeMissing: column.mayBeMissing,
      over: column,
    }));
  }

  #encode(step: StepOf<"one_hot_encoder" | "ordinal_encoder">): StepLayout {
    const reads = this.#read(step.columns, ["number", "text"]);
    this.#checkLengths(step, "categories");
    step.categories.forEach((categories, at) => {
      categories.forEach((value) => this.#checkValue(`categories.${at}`, reads[at], value));
      if (new Set(categories).size < categories.length)
        throw this.#invalid(`categories.${at}`, "a category is listed twice");
    });
    if (step.type === "one_hot_encoder") {
      return this.#perColumn(step, reads, (_, name, at) => ({
        elements: oneHotNames(step, name, step.categories[at] ?? []),
        mayBeMissing: false,
      }));
    }
    if (step.handle_unknown === "use_encoded_value" && step.unknown_value === undefined)
      throw this.#invalid("unknown_value", 'required with handle_unknown "use_encoded_value"');
    return this.#perColumn(step, reads, (_, __, at) => ({
      mayBeMissing:
        step.unknown_value === null ||
        (step.categories[at]?.includes(null) === true && step.encoded_missing_value === undefined),
    }));
  }

  #vectorize(step: StepOf<"tfidf_vectorizer">): StepLayout {
    const { vocabulary, idf, ngram_range } = step;
    if (idf.length !== vocabulary.length) throw this.#invalid("idf", "must have one entry per term");
    if (new Set(vocabulary).size < vocabulary.length)
      throw this.#invalid("vocabulary", "a term is listed twice");
    if (ngram_range !== undefined && ngram_range[0] > ngram_range[1])
      throw this.#invalid("ngram_range", "must be [least, most]");
    return this.#perColumn(step, this.#read(step.columns, ["text"]), (_, name) => ({
      elements: vocabulary.map((term) => `${name}_${term}`),
      mayBeMissing: false,
    }));
  }

  #split(step: StepOf<"time_parts">): StepLayout {
    const reads = this.#read(step.columns, ["time"]);
    const writes = reads.flatMap(({ name, mayBeMissing, input }) =>
      step.parts.map((part) => this.#add("parts", { name: `${name}_${part}`, mayBeMissing, input })),
    );
    return { step, reads, writes };
  }

  #locate(step: StepOf<"haversine_distance" | "geohash">): StepLayout {
    const isHash = step.type === "geohash";
    const names = isHash
      ? step.columns
      : [...step.from, ...step.to].filter((part) => typeof part === "string");
    if (names.length === 0) throw this.#invalid("from", "names no column, and neither does to");
    const reads = this.#read([...new Set(names)], ["number"], isHash ? "columns" : "from");
    const made = {
      name: step.output,
      kind: isHash ? ("text" as const) : ("number" as const),
      mayBeMissing: reads.some(({ mayBeMissing }) => mayBeMissing),
      input: reads[0]?.input ?? "",
    };
    return { step, reads, writes: [this.#add("output", made)] };
  }

  #multiply(step: StepOf<"polynomial_features">): StepLayout {
    const reads = this.#read(step.columns, ["number"], "columns", true);
    const names = reads.flatMap(({ elements }) => elements);
    const count = (names.length * (names.length + (step.interaction_only === true ? -1 : 1))) / 2;
    if (count < 1 || count > FEATURES_MAX)
      throw this.#invalid("columns", `make ${count} products; 1 to ${FEATURES_MAX} are allowed`);
    const elements = names.flatMap((name, at) => [
      ...(step.interaction_only === true ? [] : [`${name}^2`]),
      ...names.slice(at + 1).map((other) => `${name} ${other}`),
    ]);
    const mayBeMissing = reads.some((column) => column.mayBeMissing);
    const made = { name: step.output, elements, mayBeMissing, input: reads[0]?.input ?? "" };
    return { step, reads, writes: [this.#add("output", made)] };
  }

  #drop(step: StepOf<"variance_threshold">): StepLayout {
    const reads = this.#read(step.columns, ["number"]);
    const columns = new Set(step.columns);
    step.kept.forEach((name, at) => {
      if (!columns.has(name)) throw this.#invalid(`kept.${at}`, `"${name}" is none of columns`);
    });
    const kept = new Set(step.kept);
    for (const { name } of reads) if (!kept.has(name)) this.columns.delete(name);
    return { step, reads, writes: [] };
  }

  #select(step: StepOf<"select">): StepLayout {
    this.#checkDistinct("columns", step.columns);
    const listed = new Set(step.columns);
    const parts = this.#parts();
    const kept = step.columns.map((name, at) => {
      const whole = this.columns.get(name);
      if (whole !== undefined) return whole;
      const part = parts.get(name);
      if (part === undefined) throw this.#unknown(`columns.${at}`, name);
      // the two would share memory, and a later step could change one through the other
      if (listed.has(part.whole))
        throw this.#invalid(`columns.${at}`, `"${name}" is part of "${part.whole}"`);
      return part.column;
    });
    this.columns.clear();
    for (const column of kept) this.columns.set(column.name, column);
    return { step, reads: [], writes: [] };
  }

  /** Each number of the columns that have several, as a column of its own. */
  #parts(): Map<string, { readonly column: Column; readonly whole: string }> {
    const parts = new Map<string, { readonly column: Column; readonly whole: string }>();
    for (const column of this.columns.values()) {
      if (column.elements.length === 1) continue;
      column.elements.forEach((name, at) =>
        parts.set(name, {
          column: { ...column, name, slot: column.slot + at, elements: [name] },
          whole: column.name,
        }),
      );
    }
    return parts;
  }

  /** One result per column, under the column's name or the one that `outputs` gives it. */
  #perColumn(
    step: PreprocessingStep & { readonly outputs?: readonly string[] | undefined },
    reads: readonly Column[],
    result: (column: Column, name: string, at: number) => Omit<Made, "name" | "input">,
  ): StepLayout {
    const { outputs } = step;
    if (outputs !== undefined && outputs.length !== reads.length)
      throw this.#invalid("outputs", "must have one name per column");
    const writes = reads.map((column, at) => {
      const name = outputs?.[at] ?? column.name;
      const made = { ...result(column, name, at), name, input: column.input };
      if (outputs === undefined) return this.#make(made);
      const { over: _, ...apart } = made;
      return this.#add(`outputs.${at}`, apart);
    });
    return { step, reads, writes };
  }

  #read(names: readonly string[], kinds: readonly ColumnKind[], field = "columns", wide = false): Column[] {
    this.#checkDistinct(field, names);
    return names.map((name, at) => {
      const place = field === "columns" ? `columns.${at}` : field;
      const column = this.columns.get(name);
      if (column === undefined) throw this.#unknown(place, name);
      if (!kinds.includes(column.kind))
        throw this.#invalid(place, `"${name}" is a ${column.kind}; the step takes ${kinds.join(" or ")}`);
      if (column.elements.length !== 1 && !wide)
        throw this.#invalid(place, `"${name}" has ${column.elements.length} numbers; the step takes one`);
      return column;
    });
  }

  #add(field: string, made: Made): Column {
    if (this.columns.has(made.name))
      throw this.#invalid(field, `there is a column "${made.name}" already: choose another name`);
    return this.#make(made);
  }

  #make({ name, kind = "number", elements = [name], mayBeMissing, input, over }: Made): Column {
    const slot = over?.slot ?? (kind === "text" ? this.texts++ : this.numbers);
    if (over === undefined && kind !== "text") this.numbers += elements.length;
    if (elements.length > FEATURES_MAX || this.numbers > SLOTS_MAX)
      throw this.#invalid("columns", `the pipeline has more than ${SLOTS_MAX} numbers: make fewer columns`);
    const column = { name, kind, slot, elements, mayBeMissing, input };
    this.columns.set(name, column);
    return column;
  }

  #checkLengths<Step extends { readonly columns: readonly string[] }>(
    step: Step,
    ...fields: readonly (keyof Step & string)[]
  ): void {
    for (const field of fields) {
      if ((step[field] as readonly unknown[]).length !== step.columns.length)
        throw this.#invalid(field, "must have one entry per column");
    }
  }

  #checkDistinct(field: string, names: readonly string[]): void {
    if (new Set(names).size === names.length) return;
    const at = names.findIndex((name, index) => names.indexOf(name) !== index);
    throw this.#invalid(field === "columns" ? `columns.${at}` : field, `"${names[at]}" is listed twice`);
  }

  #checkValue(field: string, column: Column | undefined, value: Category): void {
    if (value === null || (typeof value === "string") === (column?.kind === "text")) return;
    throw this.#invalid(field, `must be ${column?.kind}, as column "${column?.name}" is`);
  }

  #unknown(field: string, name: string): EngineError {
    const known = [...this.columns.keys()];
    const more = known.length > 10 ? ` and ${known.length - 10} more` : "";
    return this.#invalid(
      field,
      `there is no column "${name}" here; there are ${known.slice(0, 10).join(", ")}${more}`,
    );
  }

  #invalid(field: string, message: string): EngineError {
    return stepInvalid(this.#index, field, message);
  }
}

function oneHotNames(
  { drop }: StepOf<"one_hot_encoder">,
  name: string,
  categories: readonly Category[],
): string[] {
  return categories.slice(drop === "first" ? 1 : 0).map((category) => `${name}_${category ?? "missing"}`);
}
