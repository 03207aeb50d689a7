/**
 * What a later training reads back of a version's `training.json` (training-record).
 */
import { z } from "zod";
import { utcTime } from "../core/retrain-request.ts";
import { type TrainingValidation, trainingValidation } from "../core/training-validation.ts";

export const TRAINING_FILE = "training.json";

const remembered = z.looseObject({
  model_type: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  spec: z.looseObject({}).optional(),
});

/** How a version was trained, as the specification of the next training; undefined for one that was not trained here. */
export function specRemembered(files: ReadonlyMap<string, Uint8Array> | undefined): object | undefined {
  const bytes = files?.get(TRAINING_FILE);
  if (bytes === undefined) return undefined;
  const { data: record } = remembered.safeParse(parseJson(bytes));
  if (record === undefined) return undefined;
  const { model_type, parameters, spec = { model_type, parameters } } = record;
  return spec;
}

const learned = z.looseObject({
  lineage: z.looseObject({
    validation: trainingValidation,
    data: z.looseObject({
      trained_until: utcTime.optional(),
      source: z.looseObject({ source: z.string(), grouped_by: z.array(z.string()).optional() }),
    }),
  }),
});

/** Which rows a version has learned from. */
export interface RowsRemembered {
  readonly validation: TrainingValidation;
  readonly source: { readonly source: string; readonly grouped_by?: readonly string[] | undefined };
  /** When the newest of them happened, ms since 1970. */
  readonly untilMs: number | undefined;
}

/** Undefined where nothing says so. */
export function rowsRemembered(
  files: ReadonlyMap<string, Uint8Array> | undefined,
): RowsRemembered | undefined {
  const bytes = files?.get(TRAINING_FILE);
  const lineage = bytes === undefined ? undefined : learned.safeParse(parseJson(bytes)).data?.lineage;
  if (lineage === undefined) return undefined;
  const { validation, data } = lineage;
  const { source, trained_until: until } = data;
  return { validation, source, untilMs: until === undefined ? undefined : Date.parse(until) };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
}
