/** Messages of the gRPC services to bytes and back, as the server reads and writes them. */
import { INFERENCE_SERVICE, loadServices } from "../../engine/grpc/service.ts";

const methods = loadServices()[INFERENCE_SERVICE];

function methodOf(name: string) {
  const method = methods?.[name];
  if (method === undefined) throw new Error(`there is no method ${name}`);
  return method;
}

/** A request of `method` as the server has it after `bytes` came. */
export function readRequest<Message>(method: string, bytes: Uint8Array): Message {
  return methodOf(method).requestDeserialize(Buffer.from(bytes)) as Message;
}

/** A request of `method` as the server has it after a caller sent `message`. */
export function receivedRequest<Message>(method: string, message: object): Message {
  return readRequest(method, methodOf(method).requestSerialize(message));
}

export function readResponse<Message>(method: string, bytes: Uint8Array): Message {
  return methodOf(method).responseDeserialize(Buffer.from(bytes)) as Message;
}

export function writeResponse(method: string, message: object): Uint8Array {
  return methodOf(method).responseSerialize(message);
}
