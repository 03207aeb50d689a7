// hot path
/**
 * From the bytes of a request to its JSON, with the features already read into floats where they are as the model that is asked most
 * lately expects them (feature-reader); otherwise they are what JSON.parse makes of them, and so is everything beside them.
 *
 *     {"model": "m", "features": {…30 numbers…}}          the features are cut out, read apart, and the rest is parsed with HOLE instead
 *     {"instances": [{"features": {…}}, …]}                likewise each instance's
 */
import type { EngineError } from "./core/errors.ts";
import { FEATURES_MAX } from "./core/preprocessing.ts";
import type { FeaturePlan } from "./feature-plan.ts";
import { type RowPlan, RowSource } from "./row-source.ts";

/** Stands in the parsed JSON where something was cut out. Nobody can send it by chance. */
const HOLE = -(1 + Math.random()) * 1e-300;
const HOLE_JSON = JSON.stringify(HOLE);
const FEATURES = Buffer.from('"features":');
const INSTANCES = Buffer.from('"instances":');
const BLANK = 32;
const COMMA = 44;
const LIST = 91;
const LIST_END = 93;
const OPEN = 123;
const CLOSE = 125;
const ROWS_AT_ONCE = 64;
const ONE_ROW = new Float32Array(FEATURES_MAX);

/** Features of one row that have been read and checked; to be used before the request's bytes go, and the next request is read. */
export class ReadFeatures extends RowSource {
  readonly #plan: FeaturePlan;
  readonly #floats: Float32Array;
  readonly #offset: number;
  readonly #bytes: Buffer;
  readonly #start: number;
  readonly #end: number;

  constructor(
    plan: FeaturePlan,
    floats: Float32Array,
    offset: number,
    bytes: Buffer,
    start: number,
    end: number,
  ) {
    super();
    this.#plan = plan;
    this.#floats = floats;
    this.#offset = offset;
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** What FeaturePlan.write does for the plan that is asked after all. */
  write(
    plan: RowPlan,
    row: Float32Array,
    offset: number,
    texts: string[],
    textOffset: number,
  ): EngineError | undefined {
    if (plan !== this.#plan) return plan.write(this.parse(), row, offset, texts, textOffset);
    const floats = this.#floats;
    const from = this.#offset;
    for (let column = 0; column < plan.width; column++)
      row[offset + column] = floats[from + column] as number;
    return undefined;
  }

  /** As JSON.parse has them. */
  parse(): unknown {
    return JSON.parse(this.#bytes.toString("utf8", this.#start, this.#end));
  }
}

/** @param plan of the model that is likely asked. @throws SyntaxError when it is no JSON. */
export function readRequest(bytes: Buffer, plan: FeaturePlan | undefined): unknown {
  if (plan?.reader === undefined) return parse(bytes);
  const start = afterBlanks(bytes, after(bytes, FEATURES, 0));
  const end = start < 0 ? -1 : plan.reader.read(bytes, start, ONE_ROW, 0);
  if (end < 0) return parse(bytes);
  const body = parseAround(bytes, start, end);
  if (body?.["features"] !== HOLE) return parse(bytes);
  body["features"] = new ReadFeatures(plan, ONE_ROW, 0, bytes, start, end);
  return body;
}

/** The same of a request with instances. */
export function readBatchRequest(bytes: Buffer, plan: FeaturePlan | undefined): unknown {
  if (plan?.reader === undefined) return parse(bytes);
  const start = afterBlanks(bytes, after(bytes, INSTANCES, 0));
  const found = start < 0 ? undefined : readInstances(bytes, start, plan);
  if (found === undefined) return parse(bytes);
  const body = parseAround(bytes, start, found.end);
  if (body?.["instances"] !== HOLE) return parse(bytes);
  body["instances"] = found.value;
  return body;
}

interface Found<T> {
  readonly value: T;
  /** Behind it. */
  readonly end: number;
}

function readInstances(bytes: Buffer, start: number, plan: FeaturePlan): Found<unknown[]> | undefined {
  if (bytes[start] !== LIST) return undefined;
  const value: unknown[] = [];
  let floats = new Float32Array(0);
  let offset = 0;
  let at = start;
  do {
    if (offset === floats.length) {
      floats = new Float32Array(plan.width * ROWS_AT_ONCE);
      offset = 0;
    }
    const instance = readInstance(bytes, afterBlanks(bytes, at + 1), plan, floats, offset);
    if (instance === undefined) return undefined;
    value.push(instance.value);
    at = instance.end;
    offset += plan.width;
  } while (bytes[at] === COMMA);
  return bytes[at] === LIST_END ? { value, end: at + 1 } : undefined;
}

function readInstance(
  bytes: Buffer,
  at: number,
  plan: FeaturePlan,
  floats: Float32Array,
  offset: number,
): Found<unknown> | undefined {
  if (bytes[at] !== OPEN) return undefined;
  const behindName = after(bytes, FEATURES, at);
  const start = afterBlanks(bytes, behindName);
  const end = behindName < 0 ? -1 : (plan.reader?.read(bytes, start, floats, offset) ?? -1);
  if (end < 0) return undefined;
  const close = bytes.indexOf(CLOSE, end);
  const features = new ReadFeatures(plan, floats, offset, bytes, start, end);
  if (close === end && behindName === at + 1 + FEATURES.length)
    return { value: { features }, end: close + 1 };
  const value = parseAround(bytes.subarray(0, close + 1), start, end, at);
  if (value?.["features"] !== HOLE) return undefined;
  value["features"] = features;
  return { value, end: close + 1 };
}

/** What is left with a hole from `start` to `end`; undefined when that is no JSON object. */
function parseAround(
  bytes: Buffer,
  start: number,
  end: number,
  from = 0,
): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(
      bytes.toString("utf8", from, start) + HOLE_JSON + bytes.toString("utf8", end),
    );
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined; // whoever parses the whole says what is wrong
  }
}

/** Behind the first occurrence of `text` from `from` on, or -1. */
function after(bytes: Buffer, text: Buffer, from: number): number {
  const at = bytes.indexOf(text, from);
  return at < 0 ? -1 : at + text.length;
}

function afterBlanks(bytes: Buffer, from: number): number {
  if (from < 0) return -1;
  let at = from;
  while (bytes[at] === BLANK) at++;
  return at;
}

function parse(bytes: Buffer): unknown {
  return JSON.parse(bytes.toString("utf8"));
}
