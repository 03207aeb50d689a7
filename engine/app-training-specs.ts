/**
 * Specifications as requests give them, checked against what their trainer takes, where it is one of the engine's own. A search's
 * parameters are known when it has found them.
 */
import { TRAINER_OFFERS } from "../workers/train/trainer-offers.ts";
import { EngineError, type ErrorDetail } from "./core/errors.ts";
import { invalidBy } from "./core/schema-details.ts";
import { parseTrainingSpec, type TrainingSpec } from "./core/training-spec.ts";

/** With defaults filled in. @throws EngineError INVALID_REQUEST with one detail per wrong field. */
export function parseRequestedSpec(json: unknown): TrainingSpec {
  const spec = parseTrainingSpec(json);
  const offer = TRAINER_OFFERS.get(spec.model_type);
  const modes = ["FULL_RETRAIN", ...(offer?.warmStarts ?? [])];
  const details: ErrorDetail[] = [];
  if (!modes.includes(spec.mode)) {
    const message = `${spec.mode} is nothing that ${spec.model_type} can do: take one of ${modes.join(", ")}`;
    details.push({ field: "mode", message });
  }
  const error = spec.search === undefined ? offer?.parameters.safeParse(spec.parameters).error : undefined;
  if (error !== undefined)
    for (const { field, message } of invalidBy(error, "parameters").details)
      details.push({ field: field === "parameters" ? field : `parameters.${field}`, message });
  const [first] = details;
  if (first === undefined) return spec;
  throw new EngineError("INVALID_REQUEST", `${first.field}: ${first.message}`, { details });
}
