// hot path
/**
 * POST /v2/models/{name}[/versions/{version}]/infer and /explain: JSON with binary data behind it or without, compressed or not, in and out.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { inferRequest, inferResponse } from "../contract/open-inference.ts";
import type { EngineError, ErrorCode } from "../core/errors.ts";
import type { Source } from "../core/prediction.ts";
import type { InferCall } from "../oip/infer-call.ts";
import { type InferRequest, JSON_LENGTH_HEADER, readInferRequest } from "../oip/infer-request.ts";
import { encodeInferResponse, type InferResponse } from "../oip/infer-response.ts";
import type { Inference } from "../oip/inference.ts";
import { type Coding, codingIn, compress, decompress } from "./content-coding.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { modelIn, modelPaths } from "./oip-routes.ts";
import { ROW_ERRORS } from "./predict-routes.ts";

export interface OipInferOptions {
  readonly inference: Inference;
  readonly bodyBytesMax: number;
  /** Deadline of a request that names none, ms. */
  readonly timeoutMs: number;
}

/** What of a request must be taken before its body comes. */
interface Head {
  readonly name: string;
  readonly version: string | undefined;
  readonly jsonLength: string | undefined;
  readonly coding: Coding | undefined;
  /** What the client takes. */
  readonly accepted: Coding | undefined;
}

const binary = z.string().meta({
  format: "binary",
  description: "JSON, and behind it the data of its tensors, one after the other",
});
const inferHeaders = z.object({
  [JSON_LENGTH_HEADER]: z
    .string()
    .regex(/^\d{1,15}$/)
    .optional()
    .describe("bytes of the JSON, where binary data follow it; 0: all of the body is the only tensor's data"),
  "content-encoding": z.enum(["gzip", "deflate", "identity"]).optional(),
});

export function oipInferRoutes(options: OipInferOptions): Route[] {
  const { inference } = options;
  const route = (path: string, summary: string, errors: readonly ErrorCode[], accept: Accept): Route => ({
    method: "post",
    path,
    errors: "oip",
    describes: {
      tag: "Open Inference Protocol",
      summary,
      headers: inferHeaders,
      body: { "application/json": inferRequest, "application/octet-stream": binary },
      answers: { 200: { "application/json": inferResponse, "application/octet-stream": binary } },
      errors: [...ROW_ERRORS, "UNSUPPORTED_MEDIA_TYPE", ...errors],
    },
    handle: (exchange, req) => handle(exchange, headOf(req), options, accept),
  });
  return [
    ...modelPaths("/infer").map((path) =>
      route(path, "Infer: tensors in, tensors out", [], (request, call) => inference.infer(request, call)),
    ),
    ...modelPaths("/explain").map((path) =>
      route(path, "Infer, and tell what each input contributes", ["UNSUPPORTED"], (request, call) =>
        inference.explain(request, call),
      ),
    ),
  ];
}

function headOf(req: HttpRequest): Head {
  const jsonLength = req.getHeader(JSON_LENGTH_HEADER);
  return {
    ...modelIn(req),
    jsonLength: jsonLength === "" ? undefined : jsonLength,
    coding: codingIn("content-encoding", req.getHeader("content-encoding")),
    accepted: codingIn("accept-encoding", req.getHeader("accept-encoding")),
  };
}

type Accept = (request: InferRequest, call: InferCall) => void;

function handle(exchange: Exchange, head: Head, options: OipInferOptions, accept: Accept): void {
  const use = (body: Buffer): void => {
    const tensorsOf = () => options.inference.tensorsOf(head.name, head.version);
    const request = readInferRequest(body, head.jsonLength, tensorsOf);
    accept(request, new HttpInference(exchange, head, request, options.timeoutMs));
  };
  const { coding } = head;
  exchange.readBody(options.bodyBytesMax, (body) => {
    if (coding === undefined) return use(body);
    const copied = Buffer.from(body);
    exchange.guardAsync(async () => use(await decompress(copied, coding, options.bodyBytesMax)));
  });
}

class HttpInference implements InferCall {
  readonly source: Source = "http";
  readonly idempotencyKey = "";
  readonly model: string;
  readonly version: string | undefined;
  readonly arrivedMs: number;
  readonly timeoutMs: number;
  readonly #exchange: Exchange;
  readonly #head: Head;
  readonly #request: InferRequest;

  constructor(exchange: Exchange, head: Head, request: InferRequest, timeoutMs: number) {
    this.model = head.name;
    this.version = head.version;
    this.arrivedMs = exchange.arrivedMs;
    this.timeoutMs = timeoutMs;
    this.#exchange = exchange;
    this.#head = head;
    this.#request = request;
  }

  answer(response: InferResponse): void {
    const exchange = this.#exchange;
    if (exchange.isOver) return;
    const { body, jsonLength } = encodeInferResponse(response, this.#request);
    const isBinary = jsonLength !== undefined;
    const type = isBinary ? "application/octet-stream" : "application/json";
    const headers = isBinary ? { [JSON_LENGTH_HEADER]: String(jsonLength) } : undefined;
    const { accepted } = this.#head;
    if (accepted === undefined) return exchange.send(200, type, body, headers);
    exchange.guardAsync(async () => {
      const packed = await compress(body, accepted);
      exchange.send(200, type, packed.body, { ...headers, ...packed.headers });
    });
  }

  fail(error: EngineError): void {
    this.#exchange.fail(error);
  }
}
