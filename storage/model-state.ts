/**
 * What is known of a model without its versions' content: what lists show, and what a watch tells.
 */
import type { AliasRecord } from "./alias-record.ts";

export interface ModelState
  extends Pick<AliasRecord, "aliases" | "archived" | "deprecated" | "canary" | "warm"> {
  readonly name: string;
  /** All versions, archived ones too, lowest first. */
  readonly versions: readonly string[];
}
