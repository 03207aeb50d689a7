/** Messages of the gRPC services to bytes and back, as the server reads and writes them. */
import type { InferRequestMessage, InferResponseMessage } from "../../engine/grpc/messages.ts";
import { INFERENCE_SERVICE, loadServices } from "../../engine/grpc/service.ts";

const methods = loadServices()[INFERENCE_SERVICE];

function methodOf(name: string) {
  const method = methods?.[name];
  if (method === undefined) throw new Error(`there is no method ${name}`);
  return method;
}

/** A request of `method` as the server has it after `bytes` came. */
export function readRequest(method: string, bytes: Uint8Array): object {
  return methodOf(method).requestDeserialize(Buffer.from(bytes)) as object;
}

/** A request for inference as the server has it after a caller sent `message`. */
export function receivedInfer(message: object): InferRequestMessage {
  return readRequest("ModelInfer", methodOf("ModelInfer").requestSerialize(message)) as InferRequestMessage;
}

export function writeResponse(method: string, message: object): Uint8Array {
  return methodOf(method).responseSerialize(message);
}

/** An answer as a caller has it. */
export function sentAnswer(message: InferResponseMessage): InferResponseMessage {
  const bytes = Buffer.from(writeResponse("ModelInfer", message));
  return methodOf("ModelInfer").responseDeserialize(bytes) as InferResponseMessage;
}
