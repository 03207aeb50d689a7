/**
 * The view `labelled_predictions(model = …, from = …, to = …)`: predictions with their labels, each at most once.
 *
 * It takes parameters, because a filter on prediction_date does not reach the labels of a plain view, which have none, and
 * must not reach predictions before it is known which one of an entity's a label is of.
 */
import { LABEL_SOURCES, rangeScope, winnersSql } from "./label-matches.ts";

const SOURCES = LABEL_SOURCES.map((name) => `'${name}'`).join(", ");
const DATE = "DateTime64(3, 'UTC')";

/** Of `predictions`, what analysts need. */
const COLUMNS = [
  "prediction_id",
  "request_id",
  "model_name",
  "model_version",
  "variant",
  "entity_id",
  "predicted_value",
  "predicted_class",
  "probabilities",
  "features",
  "categories",
  "feature_status",
  "latency_ms",
  "prediction_date",
] as const;

/** A statement of a migration: who changes the view adds another migration. */
export function createLabelledPredictions(database: string): string {
  const scope = rangeScope(database, "{model:String}", `{from:${DATE}}`, `{to:${DATE}}`);
  return `
    CREATE OR REPLACE VIEW ${database}.labelled_predictions AS
    SELECT ${COLUMNS.map((name) => `p.${name} AS ${name}`).join(", ")},
      l.label_value AS label_value, l.label_class AS label_class, l.label_time AS label_time,
      l.arrival_time AS label_arrival_time, [${SOURCES}][l.source] AS label_source
    FROM (SELECT ${COLUMNS.join(", ")} FROM ${database}.predictions WHERE ${scope.predictions} AND ${scope.dates}) AS p
    INNER JOIN (${winnersSql(scope)}) AS l ON p.prediction_id = l.prediction_id
    COMMENT 'Predictions of a model in [from, to) with their labels, each at most once: labelled_predictions(model = ..., from = ..., to = ...). label_value is NaN for a class, label_class empty for a number; label_time says since when it is true, label_arrival_time when it was known here, label_source what the label named'`;
}
