/**
 * The methods of the services, and what each answers.
 */
import { fileURLToPath } from "node:url";
import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { EngineError } from "../core/errors.ts";
import type { RepositoryParameters } from "../oip/repository.ts";
import { fromRepositoryParameters } from "./infer-parameters.ts";
import type { InferenceServer } from "./inference-server.ts";
import type { InferOptions } from "./message-call.ts";
import type { ModelNameMessage, RepositoryModelMessage } from "./messages.ts";
import { modelName, modelVersion } from "./model-name.ts";
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
  const { repository } = server;
  const ofModel = <Answer extends object>(answer: (name: string, version: string | undefined) => Answer) =>
    unary(outcomes, ({ name, version }: ModelNameMessage) => answer(modelName(name), modelVersion(version)));
  const ofRepository = (change: (name: string, parameters: RepositoryParameters) => Promise<void>) =>
    unary(outcomes, async (message: RepositoryModelMessage) => {
      await change(modelName(message.model_name), fromRepositoryParameters(message));
      return {};
    });
  return {
    ServerLive: unary(outcomes, () => ({ live: true })),
    ServerReady: unary(outcomes, () => ({ ready: server.isReady() })),
    ModelReady: unary(outcomes, ({ name, version }: ModelNameMessage) => ({
      ready: server.isModelReady(name, version === "" ? undefined : version),
    })),
    ServerMetadata: unary(outcomes, () => server.serverMetadata()),
    ModelMetadata: ofModel((name, version) => server.modelMetadata(name, version)),
    ModelInfer: unaryInfer(options),
    ModelStreamInfer: streams.handle,
    ModelConfig: ofModel((name, version) => ({ config: server.modelConfig(name, version) })),
    ModelStatistics: unary(outcomes, ({ name, version }: ModelNameMessage) =>
      server.modelStatistics(name === "" ? undefined : modelName(name), modelVersion(version)),
    ),
    RepositoryIndex: unary(outcomes, async ({ ready }: { ready: boolean }) => ({
      models: await repository.index(ready ? "ready" : "all"),
    })),
    RepositoryModelLoad: ofRepository(async (name, parameters) => repository.load(name, parameters)),
    RepositoryModelUnload: ofRepository(async (name, parameters) => repository.unload(name, parameters)),
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
