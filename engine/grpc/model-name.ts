/** Names of models as messages have them: any text, of any length. */
import { EngineError } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";

const VERSION_LENGTH_MAX = 128;

/** @throws EngineError MODEL_NOT_FOUND for what can be no model's name. */
export function modelName(name: string): string {
  if (MODEL_NAME.test(name)) return name;
  throw new EngineError("MODEL_NOT_FOUND", "there is no model of that name");
}

/**
 * The version or alias that a message names; an empty one is none.
 * @throws EngineError MODEL_NOT_FOUND for what can be neither.
 */
export function modelVersion(version: string): string | undefined {
  if (version.length <= VERSION_LENGTH_MAX) return version === "" ? undefined : version;
  throw new EngineError(
    "MODEL_NOT_FOUND",
    `versions of models have at most ${VERSION_LENGTH_MAX} characters`,
  );
}
