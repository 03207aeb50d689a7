/**
 * The gRPC server: the Open Inference Protocol's service and the usual health check, on a port of their own.
 *
 * Without TLS and authentication, as HTTP is. A message over the size limit is refused by the library, as are streams over
 * STREAMS_MAX of a connection. Stopping: connections are told to go, calls that are under way are answered, and after STOP_WAIT_MS
 * what is left is cut.
 */
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { EngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Metrics } from "../core/metrics.ts";
import type { InferenceServer } from "./inference-server.ts";
import { Outcomes } from "./outcomes.ts";
import {
  HEALTH_SERVICE,
  healthMethods,
  INFERENCE_SERVICE,
  inferenceMethods,
  loadServices,
} from "./service.ts";
import { InferStreams } from "./stream-infer.ts";

/** Calls that are open at once on one connection. */
const STREAMS_MAX = 1024;
const STOP_WAIT_MS = 15_000;

export interface GrpcOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  readonly server: InferenceServer;
  /** Bytes of one request. */
  readonly messageBytesMax: number;
  /** Deadline of a request that names none, ms. */
  readonly timeoutMs: number;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

export interface GrpcServer {
  readonly port: number;
  /** Resolves once everything that was taken is answered. */
  stop(): Promise<void>;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the port cannot be had. */
export async function startGrpc(options: GrpcOptions): Promise<GrpcServer> {
  const { server, timeoutMs, metrics, logger } = options;
  setLogVerbosity(logVerbosity.NONE); // it would print beside the log what is told here as errors
  const inferOptions = { server, outcomes: new Outcomes(metrics, logger), timeoutMs };
  const streams = new InferStreams(inferOptions);
  const grpc = new Server({
    "grpc.max_receive_message_length": options.messageBytesMax,
    "grpc.max_concurrent_streams": STREAMS_MAX,
  });
  const services = loadServices();
  const add = (name: string, methods: Parameters<Server["addService"]>[1]): void => {
    const definition = services[name];
    if (definition === undefined) throw new Error(`${name} is in no .proto file`);
    grpc.addService(definition, methods);
  };
  add(INFERENCE_SERVICE, inferenceMethods(server, streams, inferOptions));
  add(HEALTH_SERVICE, healthMethods(server, inferOptions));
  const port = await listen(grpc, options);
  return {
    port,
    stop: async () => {
      streams.stop();
      await shutDown(grpc);
    },
  };
}

function listen(grpc: Server, { host, port }: GrpcOptions): Promise<number> {
  const address = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  return new Promise((resolve, reject) => {
    grpc.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) return resolve(bound);
      const message = `gRPC cannot listen on ${address}: choose another port with MILLRACE_GRPC_PORT`;
      reject(new EngineError("SERVICE_UNAVAILABLE", message, { cause: error }));
    });
  });
}

function shutDown(grpc: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      grpc.forceShutdown();
      resolve();
    }, STOP_WAIT_MS);
    grpc.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
