/**
 * References of model versions where they are used: the REST routes of a data plane, and the table of a control plane.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import type { ClickHouse } from "../storage/clickhouse.ts";
import { hasReferenceBins, insertReferenceBins } from "../storage/reference-bins.ts";
import { openReferenceStore, type ReferenceState, type ReferenceStore } from "../storage/reference-store.ts";
import type { ReferenceRoutesOptions } from "./api/reference-routes.ts";
import { buildInThread, measureInThread } from "./app-reference-thread.ts";
import type { Config } from "./core/config.ts";
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { ModelUpdates } from "./model-updates.ts";
import type { ExactDrift, ExactDriftJob } from "./monitor/drift/exact-drift.ts";
import { binRowsOf } from "./monitor/references/reference-bin-rows.ts";
import { parseProfile } from "./monitor/references/reference-profile.ts";
import type { ServiceUrls } from "./service-urls.ts";

const RETRY_MS = 2_000;

export interface References {
  readonly store: ReferenceStore;
  readonly build: ReferenceRoutesOptions["build"];
  /** @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE, INTERNAL. */
  readonly measure: (job: ExactDriftJob) => Promise<ExactDrift>;
}

/** @throws EngineError SERVICE_UNAVAILABLE */
export async function openReferences(
  { prefix, database }: Config,
  { clickhouse }: ServiceUrls,
  nats: NatsConnection,
): Promise<References> {
  const place = { clickhouseUrl: clickhouse, database };
  return {
    store: await openReferenceStore(nats, { prefix }),
    build: async (job) => buildInThread(place, job),
    measure: async (job) => measureInThread(place, job),
  };
}

/** Keeps `reference_bins` up to date; what fails is tried again until ClickHouse has taken it. */
export async function followReferenceBins(
  { prefix, database }: Config,
  nats: NatsConnection,
  clickhouse: ClickHouse,
  logger: Logger,
): Promise<{ stop(): Promise<void> }> {
  const log = logger.child({ component: "references" });
  const store = await openReferenceStore(nats, { prefix });
  const states = new Map<string, ReferenceState>();
  const updates = new ModelUpdates(async (name) => {
    const state = states.get(name);
    if (state !== undefined) await storeBins(store, database, clickhouse, state);
  }, log);
  const timer = setInterval(() => updates.run(), RETRY_MS);
  const watch = await store.watch(
    (state) => {
      states.set(state.name, state);
      updates.changed(state.name);
    },
    (error) => log.warn({ err: messageOf(error) }, "references cannot be followed, trying again"),
  );
  return {
    stop: async () => {
      clearInterval(timer);
      await watch.stop();
      await updates.stop();
    },
  };
}

/** Those of the version's present reference, unless they are there. */
async function storeBins(
  store: ReferenceStore,
  database: string,
  clickhouse: ClickHouse,
  { model, version, record }: ReferenceState,
): Promise<void> {
  const key = { name: model, version };
  if (await hasReferenceBins(clickhouse, database, key, record.reference_id)) return;
  const found = await store.get(key);
  if (found === undefined || found.record.reference_id !== record.reference_id) return; // another one came, and is told of
  const { profile } = found.body as { readonly profile: unknown };
  await insertReferenceBins(clickhouse, database, key, record.reference_id, binRowsOf(parseProfile(profile)));
}
