/**
 * Which rows of `feature_values` count, in SQL: what a set's filters and rules say of an event, as core/feature-set and
 * features/entity-state say it of the event itself.
 *
 * Booleans are numbers that are named in `booleans`; a field that is null is in neither map.
 */
import type { EventRules, FieldRule, HistoryColumn } from "../engine/core/feature-history.ts";
import type { OnlineFeature } from "../engine/core/feature-set.ts";
import type { QueryParams } from "./query-params.ts";

/** Whether an event keeps the rules of sets, as columns of a query over `feature_values`, each once. */
export class KeptColumns {
  readonly #params: QueryParams;
  readonly #names = new Map<string, string>();
  #sql = "";

  constructor(params: QueryParams) {
    this.#params = params;
  }

  /** Name of the column. */
  of({ id, list }: EventRules): string {
    const known = this.#names.get(id);
    if (known !== undefined) return known;
    const name = `kept${this.#names.size}`;
    this.#names.set(id, name);
    this.#sql += `, ${keptCondition(list, this.#params)} AS ${name}`;
    return name;
  }

  select(): string {
    return this.#sql;
  }
}

/** SQL that is true for events that break none of the rules. */
export function keptCondition(rules: readonly FieldRule[], params: QueryParams): string {
  const broken = new Set(rules.map((rule) => brokenCondition(rule, params)));
  return broken.size === 0 ? "1" : [...broken].map((sql) => `NOT (${sql})`).join(" AND ");
}

/** SQL that is true for events that match the filter of a column. */
export function filterCondition({ filter }: HistoryColumn, params: QueryParams): string {
  if (filter === undefined) return "1";
  const field = params.text(filter.field);
  const values = [...filter.in];
  const texts = values.filter((value) => typeof value === "string");
  const numbers = values.filter((value) => typeof value === "number");
  const booleans = values.filter((value) => typeof value === "boolean").map(Number);
  const isNumber = `mapContains(numbers, ${field})`;
  const isBoolean = `has(booleans, ${field})`;
  const cases: string[] = [];
  if (texts.length > 0)
    cases.push(`(mapContains(texts, ${field}) AND has(${params.texts(texts)}, texts[${field}]))`);
  if (numbers.length > 0)
    cases.push(`(${isNumber} AND NOT ${isBoolean} AND has(${params.doubles(numbers)}, numbers[${field}]))`);
  if (booleans.length > 0)
    cases.push(`(${isNumber} AND ${isBoolean} AND has(${params.doubles(booleans)}, numbers[${field}]))`);
  return `(${cases.join(" OR ")})`;
}

function brokenCondition(rule: FieldRule, params: QueryParams): string {
  const field = params.text(rule.field);
  const isText = `mapContains(texts, ${field})`;
  const isNumber = `mapContains(numbers, ${field})`;
  if ("online" in rule) return brokenOnline(rule.online, { field, isText, isNumber }, params);
  const isTooLarge = `abs(numbers[${field}]) >= ${params.double(rule.below)}`;
  return Number.isFinite(rule.below) ? `${isText} OR (${isNumber} AND ${isTooLarge})` : isText;
}

interface FieldSql {
  readonly field: string;
  readonly isText: string;
  readonly isNumber: string;
}

/** As createFeatureCheck of core/feature-set. */
function brokenOnline(
  feature: OnlineFeature,
  { field, isText, isNumber }: FieldSql,
  params: QueryParams,
): string {
  const isBoolean = `has(booleans, ${field})`;
  const number = `numbers[${field}]`;
  switch (feature.type) {
    case "float":
    case "int":
    case "timestamp": {
      const wrong = [isBoolean];
      if (feature.type === "int") wrong.push(`${number} != trunc(${number})`);
      if (feature.min !== undefined) wrong.push(`${number} < ${params.double(feature.min)}`);
      if (feature.max !== undefined) wrong.push(`${number} > ${params.double(feature.max)}`);
      return `${isText} OR (${isNumber} AND (${wrong.join(" OR ")}))`;
    }
    case "bool":
      return `${isText} OR (${isNumber} AND NOT ${isBoolean})`;
    case "category": {
      if (feature.categories === undefined) return isNumber;
      return `${isNumber} OR (${isText} AND NOT has(${params.texts(feature.categories)}, texts[${field}]))`;
    }
  }
}
