/** Errors as the Open Inference Protocol has them: one text. */
import type { EngineError } from "../core/errors.ts";

export function oipErrorBody({ message }: EngineError): { readonly error: string } {
  return { error: message };
}
