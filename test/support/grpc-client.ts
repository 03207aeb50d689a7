/**
 * A client of the gRPC services, with promises, over one connection.
 */
import {
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { createDeferred } from "../../engine/core/deferred.ts";
import type { StreamInferResponseMessage } from "../../engine/grpc/messages.ts";
import { HEALTH_SERVICE, INFERENCE_SERVICE, loadServices } from "../../engine/grpc/service.ts";

export type Json = Record<string, unknown>;
export type InferStreamCall = ClientDuplexStream<object, StreamInferResponseMessage>;

const services = loadServices();

function definitionOf(service: string, method: string): MethodDefinition<object, unknown> {
  const definition = services[service]?.[method];
  if (definition === undefined) throw new Error(`there is no ${service}.${method}`);
  return definition as MethodDefinition<object, unknown>;
}

export class GrpcClient implements Disposable {
  readonly #client: Client;

  /** @param address host and port. */
  constructor(address: string) {
    this.#client = new Client(address, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_receive_message_length": -1,
    });
  }

  /** @throws ServiceError */
  async call<Answer = Json>(method: string, request: object = {}, deadlineMs = 30_000): Promise<Answer> {
    return this.start<Answer>(method, request, deadlineMs).answer;
  }

  async health(service = ""): Promise<Json> {
    return this.#start<Json>(HEALTH_SERVICE, "Check", { service }, 30_000).answer;
  }

  /** A call that can be cancelled. */
  start<Answer = Json>(
    method: string,
    request: object,
    deadlineMs = 30_000,
  ): { readonly call: ClientUnaryCall; readonly answer: Promise<Answer> } {
    return this.#start<Answer>(INFERENCE_SERVICE, method, request, deadlineMs);
  }

  stream(): InferStreamCall {
    const { path, requestSerialize, responseDeserialize } = definitionOf(
      INFERENCE_SERVICE,
      "ModelStreamInfer",
    );
    return this.#client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize) as InferStreamCall;
  }

  [Symbol.dispose](): void {
    this.#client.close();
  }

  #start<Answer>(service: string, method: string, request: object, deadlineMs: number) {
    const { path, requestSerialize, responseDeserialize } = definitionOf(service, method);
    const { promise, resolve, reject } = createDeferred<Answer>();
    const call = this.#client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      new Metadata(),
      { deadline: Date.now() + deadlineMs },
      (error, answer) => (error === null ? resolve(answer as Answer) : reject(error)),
    );
    return { call, answer: promise };
  }
}

/** For assert.rejects: an answer of this status, whose text fits. */
export function hasStatus(name: keyof typeof status, pattern = /./): (error: unknown) => boolean {
  return (error) => {
    const { code, details } = error as ServiceError;
    if (code === status[name] && pattern.test(details)) return true;
    throw new Error(`${status[code] ?? String(code)}: ${details}, instead of ${name}`, { cause: error });
  };
}
