/**
 * The query for last values, and what was known at each moment of it.
 *
 *     events ASOF JOIN moments   each event goes to the first moment of its entity at which it was known
 *     GROUP BY moment            the newest value of each field among them
 *
 * The newest value at a moment is then the newest of that and of all earlier moments of the entity: events are
 * streamed, and what is held is the moments, however long the history.
 */
import type { HistoryPlan, KnownValue } from "../engine/core/feature-history.ts";
import type { MomentsSql } from "./history-moments.ts";
import { KeptColumns } from "./history-rules.ts";
import type { QueryParams } from "./query-params.ts";

const KIND = { none: 0, number: 1, boolean: 2, text: 3 } as const;

/** A field's newest value: kind, number, text, event time, position. */
type Newest = readonly [kind: number, number: number, text: string, eventMs: number, position: number];

/** Rows of the query: entity, key of the moment, then each field's Newest. */
export type ValuesRow = readonly [entityId: string, knownTo: number, ...newest: Newest[]];

export function valuesQuery(
  table: string,
  plan: HistoryPlan,
  moments: MomentsSql,
  params: QueryParams,
): string {
  const kept = new KeptColumns(params);
  const kinds = plan.fields.map(({ name, rules }, index) => {
    const field = params.text(name);
    return `, multiIf(NOT ${kept.of(rules)}, ${KIND.none}, mapContains(texts, ${field}), ${KIND.text}, has(booleans, ${field}), ${KIND.boolean},
        mapContains(numbers, ${field}), ${KIND.number}, ${KIND.none}) AS kind${index},
        numbers[${field}] AS number${index}, texts[${field}] AS text${index}`;
  });
  const newest = plan.fields.map((_, index) => {
    const value = ["kind", "number", "text"].map((part) => `e.${part}${index}`);
    return `argMaxIf(tuple(${value.join(", ")}, e.t, e.position), (e.t, e.position), e.kind${index} > 0)`;
  });
  return `
    SELECT m.entity_id, m.known_to, ${newest.join(",\n      ")}
    FROM (
      SELECT entity_id, toUnixTimestamp64Milli(event_time) AS t, ${moments.position} AS position,
        ${moments.knownKey} AS known ${kept.select()} ${kinds.join("")}
      FROM ${table}
      WHERE entity_type = ${params.text(plan.entityType)} AND entity_id IN (SELECT entity_id FROM (${moments.rows}))
        AND ${moments.scanned}
    ) AS e
    ASOF INNER JOIN (SELECT DISTINCT entity_id, known_to FROM (${moments.rows})) AS m
    ON e.entity_id = m.entity_id AND e.known <= m.known_to
    GROUP BY m.entity_id, m.known_to`;
}

/** What was known, found by entity and moment. */
export class KnownValues {
  readonly #byEntity = new Map<string, { readonly knownTo: number; readonly newest: Newest[] }[]>();

  constructor(rows: readonly ValuesRow[]) {
    for (const [entityId, knownTo, ...newest] of rows.toSorted((a, b) => a[1] - b[1])) {
      const earlier = this.#byEntity.get(entityId) ?? [];
      const before = earlier.at(-1)?.newest;
      earlier.push({ knownTo, newest: newest.map((one, index) => newerOf(before?.[index], one)) });
      this.#byEntity.set(entityId, earlier);
    }
  }

  /** The value of each field, or undefined where the entity had none. */
  at(entityId: string, knownTo: number, fields: number): readonly (KnownValue | undefined)[] {
    const found = this.#byEntity.get(entityId)?.findLast((one) => one.knownTo <= knownTo);
    return Array.from({ length: fields }, (_, index) => toValue(found?.newest[index]));
  }
}

/** By event time, then by the order in which they came. */
function newerOf(one: Newest | undefined, other: Newest): Newest {
  if (one === undefined || one[0] === KIND.none) return other;
  if (other[0] === KIND.none) return one;
  const isNewer = one[3] === other[3] ? other[4] > one[4] : other[3] > one[3];
  return isNewer ? other : one;
}

function toValue(newest: Newest | undefined): KnownValue | undefined {
  if (newest === undefined) return undefined;
  const [kind, number, text, eventMs] = newest;
  if (kind === KIND.none) return undefined;
  const value = kind === KIND.text ? text : kind === KIND.boolean ? number !== 0 : number;
  return { value, eventMs };
}
