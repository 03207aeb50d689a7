// hot path
/**
 * Calls of one request and one response. A call whose caller has gone, or whose deadline has passed, is not answered.
 */
import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { type EngineError, toEngineError } from "../core/errors.ts";
import { type InferOptions, type Reply, startInfer } from "./message-call.ts";
import type { InferRequestMessage, InferResponseMessage } from "./messages.ts";
import type { Outcomes } from "./outcomes.ts";

/** ModelInfer */
export function unaryInfer(
  options: InferOptions,
): handleUnaryCall<InferRequestMessage, InferResponseMessage> {
  return (call, callback) =>
    startInfer(call.request, new UnaryReply(call, callback, options.outcomes), options);
}

/** A call that `work` answers, or refuses by throwing. */
export function unary<Request, Response extends object>(
  outcomes: Outcomes,
  work: (request: Request) => Response | Promise<Response>,
): handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const reply = new UnaryReply(call, callback, outcomes);
    Promise.resolve(call.request)
      .then(work)
      .then(
        (response) => reply.answer(response),
        (error: unknown) => reply.fail(toEngineError(error)),
      );
  };
}

class UnaryReply<Request, Response> implements Reply<Response> {
  readonly #call: ServerUnaryCall<Request, Response>;
  readonly #callback: sendUnaryData<Response>;
  readonly #outcomes: Outcomes;

  constructor(
    call: ServerUnaryCall<Request, Response>,
    callback: sendUnaryData<Response>,
    outcomes: Outcomes,
  ) {
    this.#call = call;
    this.#callback = callback;
    this.#outcomes = outcomes;
  }

  get deadline(): Date | number {
    return this.#call.getDeadline();
  }

  answer(message: Response): void {
    if (this.#call.cancelled) return this.#outcomes.cancelled();
    this.#outcomes.answered();
    this.#callback(null, message);
  }

  fail(error: EngineError): void {
    if (this.#call.cancelled) return this.#outcomes.cancelled();
    this.#callback(this.#outcomes.failed(error));
  }
}
