/**
 * One view per model, in which its features are columns by name: what analysts read.
 *
 * Versions may order their features differently, so each column picks its element by the row's version. Names go
 * into SQL as quoted identifiers and string literals; manifest.ts has checked them.
 */

import { LOG_COLUMNS } from "../engine/core/log-block.ts";
import type { ModelManifest } from "../engine/core/manifest.ts";
import { isKeptAsText } from "../engine/core/model-input.ts";
import type { ClickHouse } from "./clickhouse.ts";

const OWN_COLUMNS: readonly string[] = LOG_COLUMNS.filter(
  (name) => !["log_epoch", "log_seq", "features", "categories"].includes(name),
);

const TAKEN = new RegExp(`^(feature_)*(${LOG_COLUMNS.join("|")})$`);

type Kind = "number" | "text" | "time";

/** Where a version keeps one feature, and as what. */
interface Place {
  readonly version: string;
  readonly kind: Kind;
  /** The element of the row's arrays as SQL: NULL where the value is missing. */
  readonly element: string;
}

/** The name of the view of a model. */
export function modelViewName(model: string): string {
  return `predictions_${model}`;
}

/** CREATE OR REPLACE VIEW for a model with these versions. */
export function modelViewSql(database: string, model: string, versions: readonly ModelManifest[]): string {
  const columns = [...placesByFeature(versions)].map(
    ([feature, places]) => `${columnSql(places)} AS ${identifier(columnName(feature))}`,
  );
  const where = `model_name = ${literal(model)}`;
  return `CREATE OR REPLACE VIEW ${database}.${identifier(modelViewName(model))} AS
SELECT ${[...OWN_COLUMNS, ...columns].join(",\n  ")}
FROM ${database}.predictions WHERE ${where}`;
}

export async function replaceModelView(
  client: ClickHouse,
  database: string,
  model: string,
  versions: readonly ModelManifest[],
): Promise<void> {
  await client.command({ query: modelViewSql(database, model, versions) });
}

/**
 * A feature that is called like a column of the table gets another name, shown in the view or not: an alias hides the
 * column it is computed from. One that is called like such a new name gets another in turn.
 */
function columnName(feature: string): string {
  return TAKEN.test(feature) ? `feature_${feature}` : feature;
}

function placesByFeature(versions: readonly ModelManifest[]): Map<string, Place[]> {
  const features = new Map<string, Place[]>();
  for (const { version, inputs } of versions) {
    const count = { features: 0, categories: 0 };
    for (const input of inputs) {
      const isText = input.type === "category" || isKeptAsText(input);
      const kind = input.type === "timestamp" ? "time" : isText ? "text" : "number";
      const index = ++count[isText ? "categories" : "features"];
      const places = features.get(input.name) ?? [];
      places.push({ version, kind, element: elementSql(kind, index, input.nullable === true) });
      features.set(input.name, places);
    }
  }
  return features;
}

/** The log says NaN or '' for what is missing. */
function elementSql(kind: Kind, index: number, isNullable: boolean): string {
  switch (kind) {
    case "number":
      return isNullable ? `if(isNaN(features[${index}]), NULL, features[${index}])` : `features[${index}]`;
    case "text":
      return isNullable ? `nullIf(categories[${index}], '')` : `categories[${index}]`;
    case "time":
      return `parseDateTime64BestEffortOrNull(categories[${index}], 3, 'UTC')`;
  }
}

function columnSql(places: readonly Place[]): string {
  const isMixed = places.some(({ kind }) => kind !== places[0]?.kind);
  const groups = new Map<string, string[]>();
  for (const { version, element } of places) {
    const shown = isMixed ? `toString(${element})` : element;
    groups.set(shown, [...(groups.get(shown) ?? []), literal(version)]);
  }
  const cases = [...groups].map(
    ([element, versions]) => `model_version IN (${versions.join(", ")}), ${element}`,
  );
  return `multiIf(${cases.join(", ")}, NULL)`;
}

function identifier(name: string): string {
  return `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``;
}

function literal(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
