/**
 * The feature sets that are active now, as the registry last told: what the ingester keeps, and what can be asked for by name.
 *
 * Replaced as a whole at each change. Plans are compiled once per change.
 */
import { EngineError } from "../core/errors.ts";
import { type FeatureSet, featureSetKey } from "../core/feature-set.ts";
import { type ColumnPlan, compileColumns } from "./column-plan.ts";
import { columnKeys } from "./known-columns.ts";

export class ActiveSets {
  #sets: ReadonlyMap<string, FeatureSet> = new Map();
  /** By name: the one with the highest version. */
  #newest: ReadonlyMap<string, FeatureSet> = new Map();
  #plans: ReadonlyMap<string, ColumnPlan> = new Map();

  /** `sets`: all that are active, the versions of each in ascending order. */
  replace(sets: readonly FeatureSet[]): void {
    const types = new Set(sets.map(({ entity }) => entity.type));
    this.#plans = new Map(
      [...types].map((type) => [type, compileColumns(sets.filter(({ entity }) => entity.type === type))]),
    );
    this.#sets = new Map(sets.map((set) => [featureSetKey(set), set]));
    this.#newest = new Map(sets.map((set) => [set.name, set]));
  }

  /** What the events of each entity type that a set has are kept as. The same map until something changes. */
  get plans(): ReadonlyMap<string, ColumnPlan> {
    return this.#plans;
  }

  /** The sets that need a column or field that is not among the keys. */
  lacking(keys: readonly string[]): FeatureSet[] {
    const known = new Set(keys);
    return [...this.#sets.values()].filter(
      (set) => !columnKeys(set.entity.type, compileColumns([set])).every((key) => known.has(key)),
    );
  }

  /**
   * The active set of a reference: `name@version`, or `name` for its highest version.
   * @throws EngineError FEATURE_SET_NOT_FOUND.
   */
  find(reference: string): FeatureSet {
    const set = this.#sets.get(reference) ?? this.#newest.get(reference);
    if (set !== undefined) return set;
    const shown = JSON.stringify(reference.slice(0, 200));
    throw new EngineError(
      "FEATURE_SET_NOT_FOUND",
      `there is no active feature set ${shown}; see GET /feature-sets`,
    );
  }
}
