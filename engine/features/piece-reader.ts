// hot path
/**
 * Reads the states of many entities in pieces, one piece at a time whoever asks. In one answer of many megabytes, or in
 * several, the readings of predictions on the same connection would wait beyond their time-out.
 */
import type { EntityKey } from "../core/entity-store.ts";
import type { EntityReader } from "./entity-reader.ts";
import type { EntityView } from "./entity-view.ts";

const PIECE_ENTITIES = 100;

export class PieceReader {
  readonly #reader: Pick<EntityReader, "read">;
  /** Resolves when the piece that was asked for last is there. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(reader: Pick<EntityReader, "read">) {
    this.#reader = reader;
  }

  /** As EntityReader. What is no more than a piece does not wait. */
  async read(keys: readonly EntityKey[]): Promise<readonly EntityView[]> {
    if (keys.length <= PIECE_ENTITIES) return this.#reader.read(keys);
    const views: EntityView[] = [];
    while (views.length < keys.length) {
      const piece = keys.slice(views.length, views.length + PIECE_ENTITIES);
      const reading = this.#last.then(async () => this.#reader.read(piece));
      this.#last = reading.catch(() => undefined); // told to whoever asked
      views.push(...(await reading));
    }
    return views;
  }
}
