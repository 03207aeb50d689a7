/**
 * What is known of a model without its versions' content: what lists show, and what a watch tells.
 */
import type { Alias } from "./alias-record.ts";

export interface ModelState {
  readonly name: string;
  readonly aliases: Readonly<Record<string, Alias>>;
  readonly archived: readonly string[];
  /** All versions, archived ones too, lowest first. */
  readonly versions: readonly string[];
}
