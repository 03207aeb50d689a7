// hot path
/**
 * From the bytes of a message to its type, its id and the rest. What is wrong with the rest is its taker's to say, by the id.
 */
import { EngineError } from "../core/errors.ts";
import { ID_LENGTH_MAX } from "../predict.ts";

export interface OpenMessage {
  readonly type: unknown;
  readonly id: string;
  /** What stands beside type and id. */
  readonly body: Readonly<Record<string, unknown>>;
}

const EXAMPLE = '{"type":"predict","id":"1","features":{...}}';

/** @throws EngineError INVALID_JSON, INVALID_REQUEST naming the field and the remedy. */
export function openMessage(bytes: Buffer, parse: (bytes: Buffer) => unknown): OpenMessage {
  const message = parsed(bytes, parse);
  if (typeof message !== "object" || message === null || Array.isArray(message))
    throw new EngineError("INVALID_REQUEST", `a message must be a JSON object such as ${EXAMPLE}`);
  const { type, id, ...body } = message as Record<string, unknown>;
  if (typeof id === "string" && id.length > 0 && id.length <= ID_LENGTH_MAX) return { type, id, body };
  const rule = `must be a string of 1 to ${ID_LENGTH_MAX} characters of your choosing; the answer bears it`;
  throw new EngineError("INVALID_REQUEST", `id ${rule}, as in ${EXAMPLE}`, {
    details: [{ field: "id", message: rule }],
  });
}

function parsed(bytes: Buffer, parse: (bytes: Buffer) => unknown): unknown {
  try {
    return parse(bytes);
  } catch (error) {
    const why = (error as Error).message.slice(0, 200);
    throw new EngineError("INVALID_JSON", `the message is not JSON: ${why}`, { cause: error });
  }
}
