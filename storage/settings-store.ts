/**
 * Monitor settings by model, as people wrote them, in a KV bucket.
 */
import { jetstream } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { insist } from "./nats-failure.ts";

const REQUEST_TIMEOUT_MS = 3_000;

export async function openSettingsStore(connection: NatsConnection, prefix: string): Promise<SettingsStore> {
  const manager = new Kvm(jetstream(connection, { timeout: REQUEST_TIMEOUT_MS }));
  const bucket = `${prefix}_monitors`;
  const kv = await insist("open the monitor settings", () =>
    manager.create(bucket, { history: 1, allow_direct: false }),
  );
  return new SettingsStore(kv);
}

export class SettingsStore {
  readonly #kv: KV;

  constructor(kv: KV) {
    this.#kv = kv;
  }

  /** What was put last; undefined when nothing was. @throws EngineError SERVICE_UNAVAILABLE */
  async get(model: string): Promise<unknown> {
    const entry = await insist("read the monitor settings", () => this.#kv.get(model));
    return entry === null || entry.operation !== "PUT" ? undefined : entry.json();
  }

  /** @throws EngineError SERVICE_UNAVAILABLE */
  async put(model: string, settings: unknown): Promise<void> {
    await insist("store the monitor settings", () => this.#kv.put(model, JSON.stringify(settings)));
  }
}
