/**
 * The service-level objectives, one key each in a KV bucket. An objective may be changed: the newest counts for the whole
 * period.
 *
 * Invariant: a change is written only if nothing in the bucket has changed since it was read, so OBJECTIVES_MAX holds however many
 * write at once. Bounds: that, and those of compareAndSet.
 */
import type { NatsConnection } from "@nats-io/transport-node";
import { EngineError } from "../engine/core/errors.ts";
import {
  OBJECTIVES_MAX,
  parseServiceObjective,
  type ServiceObjective,
} from "../engine/core/service-objective.ts";
import { readKeys } from "./bucket-keys.ts";
import { compareAndSet } from "./compare-and-set.ts";
import { type KvBucket, openKvBucket } from "./kv-bucket.ts";
import { insist } from "./nats-failure.ts";

export interface ObjectiveRegistryOptions {
  /** First part of the bucket name `<prefix>_slos`. */
  readonly prefix?: string;
}

/** Opens the registry on `connection`, creating its bucket when it is missing. The caller closes the connection. */
export async function openObjectiveRegistry(
  connection: NatsConnection,
  { prefix = "millrace" }: ObjectiveRegistryOptions = {},
): Promise<ObjectiveRegistry> {
  return new ObjectiveRegistry(await openKvBucket(connection, `${prefix}_slos`));
}

export class ObjectiveRegistry {
  readonly #bucket: KvBucket;

  constructor(bucket: KvBucket) {
    this.#bucket = bucket;
  }

  /**
   * Declares the objective, in place of the one of its name.
   * @param json as parseServiceObjective takes it.
   * @returns whether there was none of the name.
   * @throws EngineError INVALID_REQUEST; CONFLICT when there are OBJECTIVES_MAX others.
   */
  async put(json: unknown): Promise<{ readonly objective: ServiceObjective; readonly isNew: boolean }> {
    const objective = parseServiceObjective(json);
    const text = JSON.stringify(objective);
    return compareAndSet(`put the objective ${objective.name}`, async () => {
      const { texts, lastSeq } = await this.#contents();
      const existing = texts.get(objective.name);
      if (existing === text) return { objective, isNew: false };
      if (existing === undefined && texts.size >= OBJECTIVES_MAX)
        throw new EngineError("CONFLICT", `there are ${OBJECTIVES_MAX} objectives: remove one first`);
      const { client, bucket } = this.#bucket;
      await client.publish(`$KV.${bucket}.${objective.name}`, text, { expect: { lastSequence: lastSeq } });
      return { objective, isNew: existing === undefined };
    });
  }

  /** @throws EngineError SLO_NOT_FOUND. */
  async get(name: string): Promise<ServiceObjective> {
    const found = (await this.list()).find((objective) => objective.name === name);
    if (found !== undefined) return found;
    throw new EngineError("SLO_NOT_FOUND", `there is no objective ${name}; see GET /slos`);
  }

  /** All of them, by name. */
  async list(): Promise<readonly ServiceObjective[]> {
    const { texts } = await insist("list the objectives", () => this.#contents());
    return [...texts.values()]
      .map((text) => parseServiceObjective(JSON.parse(text)))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws EngineError SLO_NOT_FOUND. */
  async remove(name: string): Promise<ServiceObjective> {
    const objective = await this.get(name);
    await insist(`remove the objective ${name}`, () => this.#bucket.kv.delete(name));
    return objective;
  }

  /** The text of each objective, by name. */
  async #contents(): Promise<{ readonly texts: ReadonlyMap<string, string>; readonly lastSeq: number }> {
    const { manager, bucket, kv } = this.#bucket;
    const { keys, lastSeq } = await readKeys(manager, bucket, ">");
    const entries = await Promise.all(keys.map(async (key) => kv.get(key)));
    const texts = new Map<string, string>();
    for (const entry of entries) if (entry?.operation === "PUT") texts.set(entry.key, entry.string());
    return { texts, lastSeq };
  }
}
