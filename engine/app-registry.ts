/**
 * Opens the model registry as whoever loads models must: bounded, and with signatures checked before a version is stored or loaded.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { type ModelRegistry, openModelRegistry } from "../storage/model-registry.ts";
import { CONTENT_BOUNDS } from "../storage/version-record.ts";
import { createSignatureCheck } from "./app-signatures.ts";
import type { Config } from "./core/config.ts";

/** @throws EngineError INVALID_REQUEST when the trusted keys cannot be read, SERVICE_UNAVAILABLE when the buckets cannot be opened. */
export async function openLoadingRegistry(config: Config, nats: NatsConnection): Promise<ModelRegistry> {
  return openModelRegistry(nats, {
    prefix: config.prefix,
    bounds: { ...CONTENT_BOUNDS, bytesMax: config.artifactBytesMax },
    checkSignature: await createSignatureCheck(config),
  });
}
