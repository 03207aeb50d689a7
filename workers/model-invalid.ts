/**
 * The error of a model that cannot be served: MODEL_INVALID, naming the field of model.json or the file at
 * fault and how to mend it. Every check of a runtime ends here, so that all refusals read alike.
 */
import { EngineError, messageOf } from "../engine/core/errors.ts";

/** `subject` is a path into model.json (`inputs.2.name`) or a file of the model folder; `message` ends with the remedy. */
export function modelInvalid(subject: string, message: string, cause?: unknown): EngineError {
  return new EngineError("MODEL_INVALID", `${subject}: ${message}`, {
    details: [{ field: subject, message }],
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Preprocessing makes rows of another width than the model takes. */
export function widthInvalid(made: number, taken: number, input: string): EngineError {
  return modelInvalid(
    "preprocessing",
    `the steps make ${made} columns, but the model takes ${taken} (${input}). ` +
      "End with a select step that lists the columns that it was trained on, in their order.",
  );
}

/** Passes a refusal through; anything else becomes one, with the library's first line as the reason. */
export function toModelInvalid(error: unknown, subject: string, what: string): EngineError {
  if (error instanceof EngineError) return error;
  const reason = messageOf(error).split("\n", 1)[0]?.slice(0, 500) ?? "";
  return modelInvalid(subject, `${what}: ${reason}`, error);
}

/** The model answered in another shape than its manifest says; found by the warm-up in any sane model. */
export class OutputShapeError extends Error {
  override readonly name = "OutputShapeError";

  constructor(shape: readonly number[] | undefined, rows: number, width: number) {
    super(
      `the output has the shape [${shape?.join(", ") ?? "none"}] for ${rows} row(s); [${rows}, ${width}] is needed`,
    );
  }
}

/** Names for a message: quoted, at most ten of them. */
export function quoted(names: readonly string[]): string {
  if (names.length === 0) return "none";
  const shown = names.slice(0, 10).map((name) => JSON.stringify(name));
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}
