/**
 * The methods of the services, and what each answers.
 */
import { fileURLToPath } from "node:url";
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { EngineError } from "../core/errors.ts";
import type { InferenceServer } from "./inference-server.ts";
import { type InferOptions, versionOf } from "./message-call.ts";
import type { ModelNameMessage } from "./messages.ts";
import type { InferStreams } from "./stream-infer.ts";
import { unary, unaryInfer } from "./unary-calls.ts";

export const INFERENCE_SERVICE = "inference.GRPCInferenceService";
export const HEALTH_SERVICE = "grpc.health.v1.Health";

/** The .proto files stay where they are in the source tree; this file runs from dist/engine/grpc. */
const PROTOS = ["inference.proto", "health.proto"].map((name) =>
  fileURLToPath(new URL(`../../../engine/grpc/${name}`, import.meta.url)),
);

/** The definition of each service by its full name; messages are as messages.ts says. */
export function loadServices(): Readonly<Record<string, ServiceDefinition>> {
  const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
  return loadSync(PROTOS, options) as unknown as Readonly<Record<string, ServiceDefinition>>;
}

export function inferenceMethods(
  server: InferenceServer,
  streams: InferStreams,
  options: InferOptions,
): UntypedServiceImplementation {
  const { outcomes } = options;
  const ofModel = <Answer extends object>(answer: (name: string, version: string | undefined) => Answer) =>
    unary(outcomes, ({ name, version }: ModelNameMessage) => answer(name, versionOf(version)));
  return {
    ServerLive: unary(outcomes, () => ({ live: true })),
    ServerReady: unary(outcomes, () => ({ ready: server.isReady() })),
    ModelReady: ofModel((name, version) => ({ ready: server.isModelReady(name, version) })),
    ServerMetadata: unary(outcomes, () => server.serverMetadata()),
    ModelMetadata: ofModel((name, version) => server.modelMetadata(name, version)),
    ModelInfer: unaryInfer(options),
    ModelStreamInfer: streams.handle,
    ModelConfig: ofModel((name, version) => ({ config: server.modelConfig(name, version) })),
    ModelStatistics: ofModel((name, version) =>
      server.modelStatistics(name === "" ? undefined : name, version),
    ),
    RepositoryIndex: unary(outcomes, async ({ ready }: { ready: boolean }) => ({
      models: await server.repositoryIndex(ready),
    })),
    RepositoryModelLoad: unary(outcomes, async ({ model_name }: { model_name: string }) => {
      await server.loadModel(model_name);
      return {};
    }),
    RepositoryModelUnload: unary(outcomes, async ({ model_name }: { model_name: string }) => {
      await server.unloadModel(model_name);
      return {};
    }),
  };
}

export function healthMethods(
  server: Pick<InferenceServer, "isReady">,
  { outcomes }: InferOptions,
): UntypedServiceImplementation {
  return {
    Check: unary(outcomes, ({ service }: { service: string }) => {
      if (service !== "" && service !== INFERENCE_SERVICE)
        throw new EngineError("ROUTE_NOT_FOUND", `service must be empty or ${INFERENCE_SERVICE}`);
      return { status: server.isReady() ? "SERVING" : "NOT_SERVING" };
    }),
  };
}
