/**
 * What the values of a set's features look like of late: those of its online features, and the fields that its windows aggregate.
 *
 * Request features come with predictions and derived ones are made of others: they have no events of their own.
 */

import type { FieldStatistics, StatisticsQuestion } from "../../storage/field-statistics.ts";
import type { Feature, FeatureSet } from "../core/feature-set.ts";
import { eventRules, fieldOf } from "./column-plan.ts";

export interface FeatureStatistics extends FieldStatistics {
  readonly name: string;
  readonly field: string;
  /** Share of events without a value; undefined when there are no events. */
  readonly nullRate: number | undefined;
  /** What is above the set's own bound, or undefined. */
  readonly problem: string | undefined;
}

export type ReadFieldStatistics = (question: StatisticsQuestion) => Promise<readonly FieldStatistics[]>;

/** Events that break a rule of the set are left out. */
export async function featureStatistics(
  set: FeatureSet,
  hours: number,
  read: ReadFieldStatistics,
): Promise<readonly FeatureStatistics[]> {
  const features = set.features.flatMap((feature): { feature: Feature; field: string }[] => {
    if (feature.kind === "online") return [{ feature, field: fieldOf(feature) }];
    return feature.kind === "window" && feature.field !== undefined
      ? [{ feature, field: feature.field }]
      : [];
  });
  const fields = [...new Set(features.map(({ field }) => field))];
  const entityType = set.entity.type;
  const found = await read({ entityType, fields, rules: eventRules(set).list, hours });
  return features.map(({ feature, field }) => {
    const statistics = found[fields.indexOf(field)] as FieldStatistics;
    const { events, values } = statistics;
    const nullRate = events === 0 ? undefined : 1 - values / events;
    const most = feature.null_rate_max;
    const isAbove = nullRate !== undefined && most !== undefined && nullRate > most;
    const problem = isAbove
      ? `${(nullRate * 100).toFixed(1)} % of events have no value; at most ${most * 100} % may`
      : undefined;
    return { name: feature.name, field, ...statistics, nullRate, problem };
  });
}
