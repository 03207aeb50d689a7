/**
 * The versions that a control plane watches, as the registry and the references have them: kept up to date, a model at a
 * time; what cannot be read now is tried again.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { type ModelDetails, openModelRegistry } from "../storage/model-registry.ts";
import { openReferenceStore } from "../storage/reference-store.ts";
import type { Config } from "./core/config.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import type { ModelManifest } from "./core/manifest.ts";
import { PRODUCTION } from "./core/version-state.ts";
import { ModelUpdates } from "./model-updates.ts";

import type { WatchedVersion } from "./monitor/drift/count-keeper.ts";
import type { PerformanceVersion } from "./monitor/performance/performance-version.ts";
import { parseReference } from "./monitor/references/reference-document.ts";
import { toWatchedVersion } from "./monitor/references/watched-version.ts";

const RETRY_MS = 2_000;

interface WatchedModel {
  /** Versions that an alias points to. */
  readonly served: ReadonlySet<string>;
  readonly champion: ModelManifest | undefined;
  /** Those that have a reference. */
  readonly versions: readonly WatchedVersion[];
  /** Those, and those that are served without one. */
  readonly measured: readonly PerformanceVersion[];
}

export interface WatchedModels {
  readonly models: ReadonlyMap<string, WatchedModel>;
  /** Of all models. */
  versions(): readonly WatchedVersion[];
  stop(): Promise<void>;
}

/**
 * Returns at once, with the models that could be read by then. `changed` is told of all versions with a reference.
 * @throws EngineError SERVICE_UNAVAILABLE when the buckets cannot be opened.
 */
export async function followWatched(
  { prefix }: Config,
  nats: NatsConnection,
  changed: (versions: readonly WatchedVersion[]) => void,
  logger: Logger,
): Promise<WatchedModels> {
  const registry = await openModelRegistry(nats, { prefix });
  const references = await openReferenceStore(nats, { prefix });
  const models = new Map<string, WatchedModel>();
  const versions = (): WatchedVersion[] => [...models.values()].flatMap((model) => model.versions);
  const updates = new ModelUpdates(async (name) => {
    const details = await registry.show(name);
    const found = new Map<string, { readonly id: string; readonly body: unknown }>();
    for (const { version } of await references.list(name)) {
      const reference = await references.get({ name, version });
      if (reference !== undefined)
        found.set(version, { id: reference.record.reference_id, body: reference.body });
    }
    models.set(name, toModel(details, found));
    changed(versions());
  }, logger);
  const failed = (error: unknown): void =>
    logger.warn({ err: messageOf(error) }, "models and references cannot be followed, trying again");
  const timer = setInterval(() => updates.run(), RETRY_MS);
  const watches = [
    await registry.watch(({ name }) => updates.changed(name), failed),
    await references.watch(({ model }) => updates.changed(model), failed),
  ];
  return {
    models,
    versions,
    stop: async () => {
      clearInterval(timer);
      for (const watch of watches) await watch.stop();
      await updates.stop();
    },
  };
}

function toModel(
  { aliases, records }: ModelDetails,
  references: ReadonlyMap<string, { readonly id: string; readonly body: unknown }>,
): WatchedModel {
  const served = new Set(Object.values(aliases).map(({ version }) => version));
  const versions: WatchedVersion[] = [];
  const measured: PerformanceVersion[] = [];
  let champion: ModelManifest | undefined;
  for (const { manifest } of records) {
    const reference = references.get(manifest.version);
    if (manifest.version === aliases[PRODUCTION]?.version) champion = manifest;
    if (reference === undefined) {
      if (served.has(manifest.version)) measured.push({ manifest });
      continue;
    }
    const { id, body } = reference;
    versions.push(toWatchedVersion(manifest, id, body));
    measured.push({ manifest, reference: { id, ...parseReference(body, manifest) } });
  }
  return { served, champion, versions, measured };
}
