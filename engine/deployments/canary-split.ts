// hot path
/**
 * A canary while this process serves it: which rows go to it, and how it and the champion do.
 *
 * Sticky: an entity's rows (a request's, if it names no entity) are the canary's or are not by a hash of its id, salted with the
 * canary's version, so that who is in at 5 % is in at 25 % too. Rows without an id are drawn.
 */
import type { Batcher } from "../batcher.ts";
import { type CanaryRecord, shareOf } from "../core/deployment.ts";
import { CANARY } from "../core/version-state.ts";
import { murmurHash32 } from "../features/murmur-hash.ts";
import { ServingWindow } from "./serving-window.ts";

const HASHES = 2 ** 32;

/** What decides where a row goes. */
export interface SplitKey {
  readonly entityId: string;
  readonly requestId: string;
}

export class CanarySplit {
  readonly champion: Batcher;
  readonly canary: Batcher;
  readonly championWindow = new ServingWindow();
  readonly canaryWindow = new ServingWindow();
  readonly #salt: string;
  #record: CanaryRecord;
  #hashesBelow = 0;
  #isHalted = false;

  constructor(record: CanaryRecord, champion: Batcher, canary: Batcher) {
    this.champion = champion;
    this.canary = canary;
    this.#salt = `${record.version} `;
    this.#record = record;
    this.follow(record);
    champion.model.window = this.championWindow;
    canary.model.window = this.canaryWindow;
    canary.model.tellAs(CANARY);
  }

  get record(): CanaryRecord {
    return this.#record;
  }

  /** Whether this is the split of the record's canary, with these batchers. */
  isOf(record: CanaryRecord, champion: Batcher, canary: Batcher): boolean {
    const { version, started_at } = this.#record;
    const isSame = version === record.version && started_at === record.started_at;
    return isSame && this.champion === champion && this.canary === canary;
  }

  /** Takes the share of the step that is under way now. */
  follow(record: CanaryRecord): void {
    this.#record = record;
    if (!this.#isHalted) this.#hashesBelow = shareOf(record) * HASHES;
  }

  /** From now on no row is the canary's. */
  halt(): void {
    this.#isHalted = true;
    this.#hashesBelow = 0;
  }

  /** Where a row for production goes. */
  choose({ entityId, requestId }: SplitKey): Batcher {
    const id = entityId === "" ? requestId : entityId;
    const hash = id === "" ? Math.random() * HASHES : murmurHash32(this.#salt + id);
    return hash < this.#hashesBelow ? this.canary : this.champion;
  }

  /** The two versions are watched no longer. */
  end(): void {
    this.champion.model.window = undefined;
    this.canary.model.window = undefined;
    this.canary.model.tellAs("");
  }
}
