// hot path
/**
 * One ModelInferRequest on its way through the engine, however it came: in a call of its own or in a stream.
 */
import { EngineError, toEngineError } from "../core/errors.ts";
import type { InferCall } from "../oip/infer-call.ts";
import type { InferResponse } from "../oip/infer-response.ts";
import { fromInferMessage, toInferMessage } from "./infer-messages.ts";
import type { InferenceServer } from "./inference-server.ts";
import type { InferRequestMessage, InferResponseMessage } from "./messages.ts";
import { modelName, modelVersion } from "./model-name.ts";
import type { Outcomes } from "./outcomes.ts";

export interface InferOptions {
  readonly server: Pick<InferenceServer, "infer">;
  readonly outcomes: Outcomes;
  /** Deadline of a request that names none, ms. */
  readonly timeoutMs: number;
}

/** Where an answer goes. */
export interface Reply<Message> {
  /** Of the call; Infinity: it has none. */
  readonly deadline: Date | number;
  /** Exactly one of the two is called, once. */
  answer(message: Message): void;
  fail(error: EngineError): void;
}

/** Starts an inference; what is wrong with the request is told through `reply`, too. */
export function startInfer(
  message: InferRequestMessage,
  reply: Reply<InferResponseMessage>,
  { server, timeoutMs }: InferOptions,
): void {
  try {
    const request = fromInferMessage(message);
    server.infer(
      request,
      new MessageCall(message, timeLeft(reply.deadline, timeoutMs), request.isBinary, reply),
    );
  } catch (error) {
    reply.fail(toEngineError(error));
  }
}

function timeLeft(deadline: Date | number, timeoutMs: number): number {
  const left = Number(deadline) - Date.now();
  if (left <= 0) throw new EngineError("DEADLINE_EXCEEDED", "the deadline of the call has passed");
  return Math.min(left, timeoutMs);
}

class MessageCall implements InferCall {
  readonly model: string;
  readonly version: string | undefined;
  readonly source = "grpc";
  readonly arrivedMs = performance.now();
  readonly timeoutMs: number;
  readonly idempotencyKey = "";
  readonly #isBinary: boolean;
  readonly #reply: Reply<InferResponseMessage>;

  constructor(
    message: InferRequestMessage,
    timeoutMs: number,
    isBinary: boolean,
    reply: Reply<InferResponseMessage>,
  ) {
    this.model = modelName(message.model_name);
    this.version = modelVersion(message.model_version);
    this.timeoutMs = timeoutMs;
    this.#isBinary = isBinary;
    this.#reply = reply;
  }

  answer(response: InferResponse): void {
    this.#reply.answer(toInferMessage(response, this.#isBinary));
  }

  fail(error: EngineError): void {
    this.#reply.fail(error);
  }
}
