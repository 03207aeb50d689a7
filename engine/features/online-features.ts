// hot path
/**
 * Features of entities, looked up for whoever asks, outside of a prediction: the values of one moment.
 *
 * Many entities are read in pieces (piece-reader). A feature that fell back to its default, or has no value, says why.
 */
import type { FeatureSet, Scalar } from "../core/feature-set.ts";
import type { EntityReader } from "./entity-reader.ts";
import type { SetLookup } from "./feature-lookup.ts";
import { type FeatureStatus, lookUp } from "./served-features.ts";

export interface OnlineFeatures {
  readonly entityId: string;
  /** Event up to which the entity's events are in the values: its sequence in the stream; 0: there were none. */
  readonly seq: number;
  /** In the order of the lookup's features; null: there is no value and no default. */
  readonly values: readonly (Scalar | null)[];
  /** By feature, those that have not their own value. */
  readonly status: Readonly<Record<string, FeatureStatus>>;
}

/**
 * The features of each entity, in the order of `entityIds`.
 * @param request values of the set's request features, for those that are derived from them.
 * @throws EngineError INVALID_FEATURES for a request feature of a wrong type or range.
 */
export async function readOnlineFeatures(
  reader: Pick<EntityReader, "read">,
  set: Pick<FeatureSet, "entity">,
  lookup: SetLookup,
  entityIds: readonly string[],
  request: Readonly<Record<string, unknown>>,
): Promise<{ readonly asOfMs: number; readonly rows: readonly OnlineFeatures[] }> {
  const { type } = set.entity;
  const views = await reader.read(entityIds.map((id) => ({ type, id })));
  const asOfMs = Date.now();
  const rows = entityIds.map((entityId, index) => {
    const view = views[index];
    const { values, status } = lookUp(lookup, request, [view], asOfMs);
    return {
      entityId,
      seq: view?.seq ?? 0,
      values: lookup.features.map(({ step }) => values[step] ?? null),
      status: Object.fromEntries(status),
    };
  });
  return { asOfMs, rows };
}
