/**
 * ModelStreamInfer: many requests over one stream, many of them in the engine at once, answered in their order.
 *
 * A request that fails gets an answer that says so, and the stream goes on. The stream ends when the caller has ended it and
 * everything is answered; when the engine stops, it takes no more of it, answers what it has taken and ends it as UNAVAILABLE.
 * Bound: IN_FLIGHT_MAX requests, those included whose answers the caller does not take; then the stream is not read.
 */
import type { handleBidiStreamingCall, ServerDuplexStream } from "@grpc/grpc-js";
import { EngineError } from "../core/errors.ts";
import { type InferOptions, startInfer } from "./message-call.ts";
import type { InferRequestMessage, InferResponseMessage, StreamInferResponseMessage } from "./messages.ts";

const IN_FLIGHT_MAX = 256;

type Call = ServerDuplexStream<InferRequestMessage, StreamInferResponseMessage>;

/** A request's place among the answers. */
interface Place {
  answer: StreamInferResponseMessage | undefined;
}

/** The streams that are open. */
export class InferStreams {
  readonly #options: InferOptions;
  readonly #open = new Set<InferStream>();

  constructor(options: InferOptions) {
    this.#options = options;
  }

  readonly handle: handleBidiStreamingCall<InferRequestMessage, StreamInferResponseMessage> = (call) => {
    const stream = new InferStream(call, this.#options);
    this.#open.add(stream);
    call.once("close", () => this.#open.delete(stream));
  };

  stop(): void {
    for (const stream of this.#open) stream.stop();
  }
}

class InferStream {
  readonly #call: Call;
  readonly #options: InferOptions;
  readonly #places: Place[] = [];
  #isWritable = true;
  #state: "open" | "half-closed" | "stopping" | "over" = "open";

  constructor(call: Call, options: InferOptions) {
    this.#call = call;
    this.#options = options;
    call.on("data", (message: InferRequestMessage) => this.#take(message));
    call.on("end", () => this.#close("half-closed"));
    call.on("drain", () => {
      this.#isWritable = true;
      this.#flush();
    });
    call.on("cancelled", () => {
      this.#state = "over";
      this.#places.length = 0;
    });
  }

  /** One that the caller has ended ends by itself. */
  stop(): void {
    if (this.#state !== "open") return;
    this.#call.pause();
    this.#close("stopping");
  }

  #take(message: InferRequestMessage): void {
    const place: Place = { answer: undefined };
    this.#places.push(place);
    if (this.#places.length >= IN_FLIGHT_MAX) this.#call.pause();
    const { outcomes } = this.#options;
    const settle = (answer: () => StreamInferResponseMessage): void => {
      if (this.#state === "over") return outcomes.cancelled();
      place.answer = answer();
      this.#flush();
    };
    startInfer(
      message,
      {
        deadline: this.#call.getDeadline(),
        answer: (response) =>
          settle(() => {
            outcomes.answered();
            return { infer_response: response };
          }),
        fail: (error) => settle(() => failure(message, outcomes.failed(error).details)),
      },
      this.#options,
    );
  }

  #close(state: "half-closed" | "stopping"): void {
    if (this.#state === "over") return;
    this.#state = state;
    this.#flush();
  }

  /** Sends the answers that are next, as far as the caller takes them. */
  #flush(): void {
    while (this.#isWritable && this.#places[0]?.answer !== undefined) {
      this.#isWritable = this.#call.write(this.#places[0].answer);
      this.#places.shift();
    }
    if (this.#state === "open" && this.#places.length < IN_FLIGHT_MAX) this.#call.resume();
    if (this.#state !== "open" && this.#places.length === 0) this.#end();
  }

  #end(): void {
    const isStopping = this.#state === "stopping";
    if (this.#state === "over") return;
    this.#state = "over";
    if (!isStopping) this.#call.end();
    else {
      const error = new EngineError("SHUTTING_DOWN", "this engine is stopping; open the stream to another");
      this.#call.emit("error", this.#options.outcomes.failed(error));
    }
  }
}

function failure({ model_name, model_version, id }: InferRequestMessage, message: string) {
  const infer_response: InferResponseMessage = { model_name, model_version, id, outputs: [] };
  return { error_message: message, infer_response };
}
