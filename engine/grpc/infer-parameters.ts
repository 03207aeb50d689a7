/**
 * Parameters of requests and responses: the protocol's messages, of which one field is set, and plain values.
 *
 * Whole numbers that a double does not hold are BigInt, as they are in requests over HTTP.
 */

import type { InferParameters } from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import type { RepositoryParameters } from "../oip/repository.ts";
import type { ParameterMessage, ParameterMessages, RepositoryModelMessage } from "./messages.ts";

type Value = InferParameters[string];

const INT64_MAX = 2n ** 63n - 1n;

/** @throws EngineError INVALID_REQUEST for a parameter that has no value. */
export function fromParameters(messages: ParameterMessages, field: string): InferParameters {
  const values: [string, Value][] = [];
  for (const [name, message] of Object.entries(messages)) {
    const value = valueOf(message);
    if (value === undefined) throw hasNoValue(`${field}.${name.slice(0, 128)}`);
    values.push([name, value]);
  }
  return Object.fromEntries(values);
}

/** Content that is sent along is told by its name only: no action takes it. */
export function fromRepositoryParameters({ parameters }: RepositoryModelMessage): RepositoryParameters {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { bool_param, int64_param, string_param }]) => [
      name,
      bool_param ?? string_param ?? Number(int64_param ?? 0),
    ]),
  );
}

export function toParameters(values: InferParameters): ParameterMessages {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toMessage(value)]));
}

function valueOf(message: ParameterMessage): Value | undefined {
  const { parameter_choice: choice } = message;
  if (choice === undefined) return undefined;
  if (choice === "int64_param" || choice === "uint64_param") return wholeNumber(message[choice] ?? "0");
  return message[choice];
}

function wholeNumber(text: string): number | bigint {
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

function toMessage(value: Value): ParameterMessage {
  if (typeof value === "boolean") return { bool_param: value };
  if (typeof value === "string") return { string_param: value };
  if (typeof value === "bigint" && value > INT64_MAX) return { uint64_param: String(value) };
  const isWhole = typeof value === "bigint" || Number.isSafeInteger(value);
  return isWhole ? { int64_param: String(value) } : { double_param: value };
}

function hasNoValue(field: string): EngineError {
  const message = "has no value: one of bool_param, int64_param, string_param, double_param, uint64_param";
  return new EngineError("INVALID_REQUEST", `${field} ${message}`, { details: [{ field, message }] });
}
