/** What is wrong with the data of a training, by the field or column to blame. */
import { EngineError } from "../../core/errors.ts";

export function dataInvalid(field: string, message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `${field}: ${message}`, { details: [{ field, message }] });
}
