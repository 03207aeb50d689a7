/**
 * A lease on a key of a KV bucket: of all who want it, one at a time works.
 *
 *     waiting ─▶ held, renewed every quarter of its time ─▶ lost (not renewed in time, or taken) ─▶ waiting
 *
 * Nobody's clock is compared with another's: who waits takes the lease when its revision has not changed for the whole time,
 * by its own clock; who holds it gives up earlier when it could not renew. A holder on the same host whose process is
 * gone is replaced at once. Bound: one request at a time, each within REQUEST_TIMEOUT_MS.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { jetstream } from "@nats-io/jetstream";
import { type KV, type KvEntry, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import type { Logger } from "../engine/core/log.ts";
import { insist, isRevisionConflict } from "./nats-failure.ts";

const LEASE_MS = 8_000;
const REQUEST_TIMEOUT_MS = 1_500;
const POLLS_PER_LEASE = 16;
const RENEWALS_PER_LEASE = 4;
/** A holder gives up after this share of the time without a renewal, so that it has stopped when another begins. */
const GIVE_UP_SHARE = 0.75;
const PROCESS_STARTED_MS = Math.round(performance.timeOrigin);

export interface LeaseOptions {
  readonly connection: NatsConnection;
  readonly prefix: string;
  /** What is leased, such as "control". */
  readonly name: string;
  readonly logger: Logger;
  /** How long a lease outlives its last renewal, ms; default 8,000. */
  readonly leaseMs?: number;
}

interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When its process started, ms: a process id may be used again. */
  readonly startedMs: number;
  readonly id: string;
}

/**
 * Runs `work` whenever the lease is held, until `signal` aborts; then gives it back. The signal that `work` gets aborts when
 * the lease is lost, and `work` must end then.
 * @throws EngineError SERVICE_UNAVAILABLE when the bucket cannot be opened, and what `work` throws.
 */
export async function runWithLease(
  options: LeaseOptions,
  work: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const client = jetstream(options.connection, { timeout: REQUEST_TIMEOUT_MS });
  const kv = await insist("open the leases", () =>
    new Kvm(client).create(`${options.prefix}_leases`, { history: 1, allow_direct: false }),
  );
  const lease = new Lease(kv, options);
  while (!signal.aborted) {
    if (!(await lease.acquire(signal))) return;
    const lost = new AbortController();
    const renewing = lease.renew(lost);
    try {
      await work(AbortSignal.any([signal, lost.signal]));
    } finally {
      lost.abort();
      await renewing;
      if (signal.aborted) await lease.release();
    }
  }
}

class Lease {
  readonly #kv: KV;
  readonly #options: LeaseOptions;
  readonly #leaseMs: number;
  readonly #holder: Holder = {
    host: hostname(),
    pid: process.pid,
    startedMs: PROCESS_STARTED_MS,
    id: randomUUID(),
  };
  #revision = 0;

  constructor(kv: KV, options: LeaseOptions) {
    this.#kv = kv;
    this.#options = options;
    this.#leaseMs = options.leaseMs ?? LEASE_MS;
  }

  /** True once it is held, false when `signal` aborts before. */
  async acquire(signal: AbortSignal): Promise<boolean> {
    const { logger, name } = this.#options;
    let seen = { revision: -1, sinceMs: 0 };
    while (!signal.aborted) {
      try {
        const entry = await this.#kv.get(name);
        const revision = entry?.revision ?? 0;
        if (revision !== seen.revision) {
          if (seen.revision === -1 && !this.#isFree(entry))
            logger.info({ lease: name, holder: entry?.string() }, "another holds the lease, standing by");
          seen = { revision, sinceMs: performance.now() };
        }
        if (this.#isFree(entry) || performance.now() - seen.sinceMs >= this.#leaseMs) {
          this.#revision = await this.#kv.put(name, JSON.stringify(this.#holder), { previousSeq: revision });
          logger.info({ lease: name }, "lease taken");
          return true;
        }
      } catch (error) {
        if (!isRevisionConflict(error))
          logger.debug({ lease: name, err: error }, "lease cannot be asked for");
      }
      await delay(this.#leaseMs / POLLS_PER_LEASE, undefined, { signal }).catch(() => undefined);
    }
    return false;
  }

  /** Renews until `lost` aborts, and aborts it when the lease is lost. */
  async renew(lost: AbortController): Promise<void> {
    const { logger, name } = this.#options;
    let renewedMs = performance.now();
    while (!lost.signal.aborted) {
      await delay(this.#leaseMs / RENEWALS_PER_LEASE, undefined, { signal: lost.signal }).catch(
        () => undefined,
      );
      if (lost.signal.aborted) return;
      const startedMs = performance.now();
      try {
        const value = JSON.stringify(this.#holder);
        this.#revision = await this.#kv.put(name, value, { previousSeq: this.#revision });
        renewedMs = startedMs;
        continue;
      } catch (error) {
        const isTaken = isRevisionConflict(error) && !(await this.#isStillMine());
        if (!isTaken && performance.now() - renewedMs < this.#leaseMs * GIVE_UP_SHARE) continue;
        logger.error({ lease: name, err: error }, "lease lost, stopping what needs it");
        lost.abort();
      }
    }
  }

  /** A renewal whose answer was lost has been stored all the same. */
  async #isStillMine(): Promise<boolean> {
    const entry = await this.#kv.get(this.#options.name).catch(() => null);
    if (entry === null || entry.string() !== JSON.stringify(this.#holder)) return false;
    this.#revision = entry.revision;
    return true;
  }

  async release(): Promise<void> {
    const { name } = this.#options;
    await this.#kv.delete(name, { previousSeq: this.#revision }).catch(() => undefined); // it runs out by itself
  }

  #isFree(entry: KvEntry | null): boolean {
    if (entry === null || entry.operation !== "PUT") return true;
    const { host, pid, startedMs } = entry.json<Holder>();
    if (host !== this.#holder.host) return false;
    return pid === process.pid ? startedMs !== PROCESS_STARTED_MS : !isAlive(pid);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
