/**
 * Builds the gRPC server of a data plane: the Open Inference Protocol over the same engine as HTTP.
 */
import type { ModelRegistry } from "../storage/model-registry.ts";
import type { Config } from "./core/config.ts";
import type { Logger } from "./core/log.ts";
import type { Metrics } from "./core/metrics.ts";
import type { InferenceServer } from "./grpc/inference-server.ts";
import { type GrpcServer, startGrpc } from "./grpc/start-grpc.ts";
import type { Models } from "./models.ts";
import type { Inference } from "./oip/inference.ts";
import { isModelReady, modelConfig, modelMetadata, serverMetadata } from "./oip/model-card.ts";
import { Repository } from "./oip/repository.ts";
import { modelStatistics } from "./oip/statistics.ts";
import type { Readiness } from "./readiness.ts";

export interface GrpcParts {
  readonly config: Config;
  readonly core: { readonly inference: Inference; readonly models: Models; readonly metrics: Metrics };
  readonly registry: ModelRegistry;
  readonly readiness: Readiness;
  readonly logger: Logger;
}

/** @throws EngineError SERVICE_UNAVAILABLE when the port cannot be had. */
export async function startGrpcServer(parts: GrpcParts): Promise<GrpcServer> {
  const { config, core, logger } = parts;
  return startGrpc({
    host: config.httpHost,
    port: config.grpcPort ?? 0,
    server: serverOf(parts),
    messageBytesMax: config.bodyBytesMax,
    timeoutMs: config.timeoutMs,
    metrics: core.metrics,
    logger: logger.child({ component: "grpc" }),
  });
}

function serverOf({ core, readiness, registry }: GrpcParts): InferenceServer {
  const { inference, models } = core;
  const repository = new Repository({ registry, models });
  return {
    infer: (request, call) => inference.infer(request, call),
    isReady: () => readiness.health().ready,
    isModelReady: (name, version) => isModelReady(models, name, version),
    serverMetadata,
    modelMetadata: (name, version) => modelMetadata(models, name, version),
    modelConfig: (name, version) => modelConfig(models, name, version, inference.rowsMax),
    modelStatistics: (name, version) => modelStatistics(models, name, version),
    repository,
  };
}
