/**
 * Whether a feature set may become active beside those that are: checked when it is applied.
 *
 * The sets of one entity type see the same events and share one state per entity. So they must agree on the entity's key
 * and on what the fields of events hold, and together stay within the bounds of a state.
 */
import { EngineError } from "../core/errors.ts";
import { type Feature, type FeatureSet, featureSetKey } from "../core/feature-set.ts";
import { compileColumns, fieldOf } from "./column-plan.ts";

/** Of all active sets: each is a part of what every engine follows. */
export const ENTITY_TYPES_MAX = 100;
/** Active sets of one entity type, each version counted. */
export const SETS_MAX = 32;
/** Window columns in one entity's state. Windows of equal definitions share a column. */
export const COLUMNS_MAX = 256;

type Content = "numbers" | "bools" | "texts" | "numbers or bools";

/**
 * @param active the sets that are active, of all entity types.
 * @throws EngineError CONFLICT naming the other set, FEATURE_SET_INVALID when the set is too large by itself.
 */
export function checkAgreement(active: readonly FeatureSet[], added: FeatureSet): void {
  const { type } = added.entity;
  const key = featureSetKey(added);
  const others = active.filter((set) => set.entity.type === type);
  for (const other of active) checkEntity(other, added);
  checkFields([...others, added]);
  const types = new Set([...active, added].map((set) => set.entity.type)).size;
  if (types > ENTITY_TYPES_MAX) throw tooMuch(key, `${types} entity types`, ENTITY_TYPES_MAX);
  if (others.length >= SETS_MAX)
    throw tooMuch(key, `${others.length + 1} sets of entity type ${type}`, SETS_MAX);
  const own = compileColumns([added]).columns.length;
  if (own > COLUMNS_MAX)
    throw new EngineError(
      "FEATURE_SET_INVALID",
      `feature-set.json: features: ${own} different windows; at most ${COLUMNS_MAX} are allowed`,
      { details: [{ field: "features", message: `at most ${COLUMNS_MAX} different windows` }] },
    );
  const columns = compileColumns([...others, added]).columns.length;
  if (columns > COLUMNS_MAX)
    throw tooMuch(key, `${columns} different windows of entity type ${type}`, COLUMNS_MAX);
}

function tooMuch(key: string, what: string, most: number): EngineError {
  return new EngineError(
    "CONFLICT",
    `with ${key} there would be ${what}, at most ${most} can be active: archive a set that is not needed`,
  );
}

function checkEntity(other: FeatureSet, added: FeatureSet): void {
  const [theirs, ours] = [other.entity, added.entity];
  const conflict = (field: string, isValue: string, butValue: string): EngineError =>
    new EngineError(
      "CONFLICT",
      `entity.${field} is "${isValue}", but "${butValue}" in ${featureSetKey(other)}: change it, or archive that one`,
      { details: [{ field: `entity.${field}`, message: `must be "${butValue}"` }] },
    );
  if (theirs.type === ours.type && theirs.key !== ours.key) throw conflict("key", ours.key, theirs.key);
  if (other.name === added.name && theirs.type !== ours.type) throw conflict("type", ours.type, theirs.type);
}

/** A field that two sets expect different values in would fail the events of one of them. */
function checkFields(sets: readonly FeatureSet[]): void {
  const known = new Map<string, { content: Content; by: string }>();
  for (const set of sets) {
    for (const feature of set.features) {
      const claim = claimOf(feature);
      if (claim === undefined) continue;
      const [field, content] = claim;
      const by = `${feature.name} of ${featureSetKey(set)}`;
      const before = known.get(field);
      const both = before === undefined ? content : common(before.content, content);
      if (both === undefined)
        throw new EngineError(
          "CONFLICT",
          `the field "${field}" cannot hold ${content}, as ${by} says, and ${before?.content}, as ${before?.by} does: rename one`,
          { details: [{ field: "features", message: `${feature.name}: other content than ${before?.by}` }] },
        );
      if (both !== before?.content) known.set(field, { content: both, by });
    }
  }
}

/** What a feature expects in a field of the event, or undefined when it expects nothing. */
function claimOf(feature: Feature): readonly [field: string, content: Content] | undefined {
  if (feature.kind === "online") {
    const content =
      feature.type === "category" ? "texts" : feature.type === "bool" ? "bools" : ("numbers" as const);
    return [fieldOf(feature), content];
  }
  if (feature.kind !== "window" || feature.field === undefined) return undefined;
  return feature.aggregation === "distinct_count" ? undefined : [feature.field, "numbers or bools"];
}

function common(a: Content, b: Content): Content | undefined {
  if (a === b) return a;
  if (a === "texts" || b === "texts") return undefined;
  if (a === "numbers or bools") return b;
  return b === "numbers or bools" ? a : undefined;
}
