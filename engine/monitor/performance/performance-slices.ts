/**
 * Slices of labelled rows: for each value of a category or boolean its rows, for a number those in each quarter of the reference.
 *
 * Bound: 65,535 values of a column; rows of all further ones are one slice, and so are all but the hundred largest slices
 * (performance-by-slice).
 */
import type { SliceColumn, SliceValues } from "../../core/labelled-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import { loggedColumns } from "../references/logged-columns.ts";
import type { NumberProfile, ReferenceProfile } from "../references/reference-profile.ts";

const QUARTERS = [0.25, 0.5, 0.75] as const;
const NAMES_MAX = 65_535;
const OTHER = "(other)";
const NULL = "(null)";

/** A column whose values are measured one by one. */
export interface SlicePlan {
  readonly column: SliceColumn;
  /** Of a number: rows up to each of them are a slice, and those above the last; those of a boolean are 0 and 1. */
  readonly edges: readonly number[];
  readonly isBoolean: boolean;
}

/** Of each row its slice's index in the names. */
export interface Slices {
  readonly codes: Uint16Array;
  /** Such as country=DE or amount<=12.5. */
  readonly names: readonly string[];
  /** Of what has no slice of its own. */
  readonly others: string;
}

/** Names that are no input of this version are left out, and numbers without a reference. */
export function planSlices(
  manifest: ModelManifest,
  profile: ReferenceProfile | undefined,
  names: readonly string[],
): SlicePlan[] {
  const columns = loggedColumns(manifest);
  return names.flatMap((name): SlicePlan[] => {
    const logged = columns.find((column) => column.role === "input" && column.name === name);
    if (logged?.index === undefined) return [];
    const column = { name, kind: logged.type, index: logged.index };
    if (logged.type === "category") return [{ column, edges: [], isBoolean: false }];
    if (manifest.inputs.some((input) => input.name === name && input.type === "bool"))
      return [{ column, edges: [0, 1], isBoolean: true }];
    const numbers = profile?.columns.find((one) => one.role === "input" && one.name === name);
    if (numbers?.type !== "number") return [];
    return [{ column, edges: quartersOf(numbers), isBoolean: false }];
  });
}

/** Edges of the reference's bins next above a quarter, a half and three quarters of its rows. */
function quartersOf({ edges, counts, count }: NumberProfile): number[] {
  const found: number[] = [];
  let below = 0;
  for (const [at, edge] of edges.entries()) {
    const before = below;
    below += counts[at] ?? 0;
    if (QUARTERS.some((share) => before < share * count && below >= share * count)) found.push(edge);
  }
  return found;
}

/** @param at indexes of the rows that are measured. */
export function codeSlices(plan: SlicePlan, values: SliceValues, at: Uint32Array): Slices {
  const { name } = plan.column;
  const others = `${name}=${OTHER}`;
  if (values.kind === "category") {
    const names = values.categories.slice(0, NAMES_MAX).map((text) => `${name}=${text === "" ? NULL : text}`);
    if (values.categories.length > NAMES_MAX) names.push(others);
    const codes = Uint16Array.from(at, (row) => Math.min(values.values[row] as number, NAMES_MAX));
    return { codes, names, others };
  }
  const { edges, isBoolean } = plan;
  const names = isBoolean ? [`${name}=false`, `${name}=true`] : rangesOf(name, edges);
  const nullCode = names.push(`${name}=${NULL}`) - 1;
  const codeOf = (value: number): number => {
    if (Number.isNaN(value)) return nullCode;
    const found = edges.findIndex((edge) => value <= edge);
    return found < 0 ? nullCode - 1 : found;
  };
  return { codes: Uint16Array.from(at, (row) => codeOf(values.values[row] as number)), names, others };
}

function rangesOf(name: string, edges: readonly number[]): string[] {
  if (edges.length === 0) return [`${name}=(any)`];
  const ranges = edges.map((edge, at) =>
    at === 0 ? `${name}<=${edge}` : `${edges[at - 1]}<${name}<=${edge}`,
  );
  return [...ranges, `${name}>${edges.at(-1)}`];
}
