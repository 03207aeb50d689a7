/**
 * Models of a data plane without threads, and canaries of them: loading always succeeds, unless the test says otherwise.
 */
import { pino } from "pino";
import type { CanaryRecord } from "../../engine/core/deployment.ts";
import { Metrics } from "../../engine/core/metrics.ts";
import type { Dispatcher } from "../../engine/dispatcher.ts";
import { Models, type WantedModel } from "../../engine/models.ts";
import { mixedManifest } from "./manifests.ts";

export interface TestModels {
  readonly models: Models;
  /** name@version, as they are loaded and unloaded. */
  readonly loaded: Set<string>;
  /** Versions that cannot be loaded, with the reason. */
  readonly broken: Map<string, string>;
}

export function createTestModels(): TestModels {
  const loaded = new Set<string>();
  const broken = new Map<string, string>();
  const models = new Models({
    pool: {
      load: async ({ manifest }) => {
        loaded.add(`${manifest.name}@${manifest.version}`);
        return { inputs: [], outputs: [] };
      },
      unload: async (key) => void loaded.delete(key),
    },
    dispatcher: { attach: () => undefined, detach: () => undefined } as unknown as Dispatcher,
    loadArtifact: async (name, version) => {
      const problem = broken.get(version);
      if (problem !== undefined) throw new Error(problem);
      return { manifest: mixedManifest({ name, version }), files: new Map() };
    },
    findFeatureSet: async () => {
      throw new Error("no feature sets here");
    },
    batchRowsMax: 4,
    metrics: new Metrics(),
    logger: pino({ level: "silent" }),
  });
  return { models, loaded, broken };
}

/** A canary of 2.0.0 beside 1.0.0, of two steps of a minute. */
export function canaryRecord(change: Partial<CanaryRecord> = {}): CanaryRecord {
  return {
    version: "2.0.0",
    champion: "1.0.0",
    steps: [
      { share: 0.2, duration: "1m" },
      { share: 0.6, duration: "1m" },
    ],
    limits: { error_rate: 0.01, latency_p99_ratio: 2, rows_min: 100 },
    step: 0,
    step_started_at: "2026-11-21T10:00:00.000Z",
    started_at: "2026-11-21T10:00:00.000Z",
    requested_by: "ada",
    reason: "better on May",
    ...change,
  };
}

/** What the registry says while it runs. */
export function withCanary(canary: CanaryRecord): WantedModel {
  return { name: "mixed", aliases: { production: canary.champion, canary: canary.version }, canary };
}
