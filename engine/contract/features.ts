/**
 * What is answered of feature sets, and of the features of entities; how those are asked for.
 */
import { z } from "zod";
import { featureSet } from "../core/feature-set.ts";
import { count, jsonObject, name, sha256, share, time, version } from "./texts.ts";

const scalar = z.union([z.number(), z.string(), z.boolean(), z.null()]);
const status = z
  .record(z.string(), z.enum(["missing", "stale", "invalid", "unavailable"]))
  .describe("by feature, those that have not their own value, and why");

export const onlineFeaturesAnswer = z
  .strictObject({
    feature_set: name,
    version,
    as_of: time,
    features: z.array(z.string()).describe("in the order of the values"),
    results: z.array(
      z.strictObject({ entity_id: z.string(), values: z.array(scalar), status: status.optional() }),
    ),
  })
  .meta({ id: "OnlineFeatures" });
export type OnlineFeaturesAnswer = z.infer<typeof onlineFeaturesAnswer>;

export const entityFeaturesAnswer = z
  .strictObject({
    feature_set: name,
    version,
    entity_type: z.string(),
    entity_id: z.string(),
    as_of: time,
    last_event_seq: count.optional().describe("the event up to which the entity's events are in the values"),
    features: z.record(z.string(), scalar),
    status: status.optional(),
  })
  .meta({ id: "EntityFeatures" });
export type EntityFeaturesAnswer = z.infer<typeof entityFeaturesAnswer>;

const state = { name, versions: z.array(version), archived: z.array(version) };

export const featureSetsAnswer = z
  .strictObject({
    feature_sets: z.array(
      z.strictObject({
        ...state,
        backfilling: z.array(version).optional().describe("those that are not filled from history yet"),
      }),
    ),
  })
  .meta({ id: "FeatureSets" });
export type FeatureSetsAnswer = z.infer<typeof featureSetsAnswer>;

export const featureSetStateAnswer = z.strictObject(state).meta({ id: "FeatureSetState" });
export type FeatureSetStateAnswer = z.infer<typeof featureSetStateAnswer>;

export const featureSetRecordAnswer = z
  .strictObject({
    set: featureSet.meta({ id: "FeatureSet" }),
    digest: sha256,
    applied_date: time,
    applied_epoch: count,
    applied_seq: count.describe("the last feature event before it"),
  })
  .meta({ id: "FeatureSetRecord" });
export type FeatureSetRecordAnswer = z.infer<typeof featureSetRecordAnswer>;

export const featureSetDetailsAnswer = z
  .strictObject({ ...state, records: z.array(featureSetRecordAnswer) })
  .meta({ id: "FeatureSetDetails" });
export type FeatureSetDetailsAnswer = z.infer<typeof featureSetDetailsAnswer>;

export const statisticsAnswer = z
  .strictObject({
    feature_set: name,
    version,
    hours: count,
    features: z.array(
      z.strictObject({
        name: z.string(),
        field: z.string(),
        events: count,
        values: count,
        null_rate: share.optional(),
        problem: z.string().optional(),
        top: z.array(z.strictObject({ value: z.string(), count })),
        min: z.number().optional(),
        max: z.number().optional(),
        mean: z.number().optional(),
        stddev: z.number().optional(),
        quantiles: z.record(z.string(), z.number()).optional().describe("by share, such as 0.5"),
      }),
    ),
  })
  .meta({ id: "FeatureStatistics" });
export type StatisticsAnswer = z.infer<typeof statisticsAnswer>;

export const materializeOrderAnswer = z.strictObject({ order: count }).meta({ id: "MaterializeOrder" });
export type MaterializeOrderAnswer = z.infer<typeof materializeOrderAnswer>;

export const materializeAnswer = z
  .strictObject({
    ordered: count.describe("the last order to fill all anew; 0 for none"),
    filled: count.describe("the last order that was carried out"),
    missing: count.describe("columns that are not filled from history yet"),
    backfill: z
      .strictObject({ entityType: z.string(), entities: count, rows: count, rowsTotal: count })
      .optional(),
    lag_events: count,
  })
  .meta({ id: "Materialize" });
export type MaterializeAnswer = z.infer<typeof materializeAnswer>;

/** One line of historical features: the row as it was sent, its features, and their status. */
export const historicalRow = jsonObject.describe("one JSON object a line: the row with its features");

const FEATURES_MAX = 500;
export const entityId = z.string().min(1).max(128);

export const onlineFeaturesRequest = z.strictObject({
  feature_set: z.string().max(200),
  entities: z.array(entityId).min(1),
  /** All features that the caller does not send, by default. */
  features: z.array(z.string().max(128)).min(1).max(FEATURES_MAX).optional(),
  /** Request features, for those that are derived from them. */
  request: z.record(z.string().max(128), z.union([z.number(), z.string().max(1024), z.boolean()])).optional(),
});
export type OnlineFeaturesRequest = z.infer<typeof onlineFeaturesRequest>;
