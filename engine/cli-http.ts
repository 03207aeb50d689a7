/**
 * Calls of a running engine's REST API from the command line.
 */
import type { Command } from "commander";
import { EngineError, type ErrorBody, messageOf } from "./core/errors.ts";

const DEFAULT_URL = "http://127.0.0.1:8080";
const TIMEOUT_MS = 300_000;

/** The option that names the engine, as every command has it that talks to one. */
export function withUrlOption(command: Command): Command {
  return command.option("--url <url>", "address of the engine", process.env["MILLRACE_URL"] ?? DEFAULT_URL);
}

/**
 * The JSON that the engine answers.
 * @throws EngineError that it answers, or SERVICE_UNAVAILABLE when no engine answers at `url`.
 */
export async function callEngine(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const init = {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
  };
  if (!URL.canParse(path, url))
    throw new EngineError("INVALID_REQUEST", `"${url}" is no address: give --url as ${DEFAULT_URL}`);
  const response = await fetch(new URL(path, url), init).catch((error: unknown) => {
    throw new EngineError(
      "SERVICE_UNAVAILABLE",
      `no engine answers at ${url} (${messageOf((error as Error).cause ?? error)}): start one with "npm start", or name it with --url`,
    );
  });
  const answer = (await response.json().catch(() => undefined)) as Partial<ErrorBody> | undefined;
  if (response.ok && answer !== undefined) return answer;
  if (answer?.error === undefined) {
    throw new EngineError(
      "SERVICE_UNAVAILABLE",
      `what answers at ${url} is no engine (HTTP ${response.status}): name the engine's address with --url`,
    );
  }
  throw new EngineError(answer.error.code, answer.error.message, { details: answer.error.details });
}

/** The bytes that the engine answers. @throws as callEngine. */
export async function fetchBytes(url: string, path: string): Promise<Uint8Array> {
  const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  const { error } = (await response.json()) as ErrorBody;
  throw new EngineError(error.code, error.message, { details: error.details });
}
