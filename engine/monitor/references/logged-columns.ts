/**
 * Where the prediction log keeps the watched columns of a model: inputs by their place among the row's numbers or texts.
 */
import type { ModelManifest } from "../../core/manifest.ts";
import { isKeptAsText } from "../../core/model-input.ts";
import { type WatchedColumn, watchedColumns } from "./reference-profile.ts";

export interface LoggedColumn extends WatchedColumn {
  /** From 0, in `features` of a number, in `categories` of a category; undefined for outputs, which have columns of their own. */
  readonly index?: number;
}

/** As watchedColumns, in that order. */
export function loggedColumns(manifest: ModelManifest): LoggedColumn[] {
  const places = new Map<string, number>();
  const count = { numbers: 0, texts: 0 };
  for (const input of manifest.inputs) {
    const isText = input.type === "category" || isKeptAsText(input);
    places.set(input.name, count[isText ? "texts" : "numbers"]++);
  }
  return watchedColumns(manifest).map((column) => {
    const index = column.role === "input" ? places.get(column.name) : undefined;
    return index === undefined ? column : { ...column, index };
  });
}
