/**
 * Work that a model needs whenever it changes, such as its view: one at a time, none lost, the latest state last.
 *
 * A change that comes during the work on the same model is worked on afterwards, since the work may have read the
 * state before it. Work that fails is tried again with the next `run`; it holds up no other model's.
 * Bound: one entry per model.
 */
import { messageOf } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";

export class ModelUpdates {
  readonly #update: (name: string) => Promise<void>;
  readonly #logger: Logger;
  readonly #pending = new Set<string>();
  #work: Promise<void> = Promise.resolve();
  #isRunning = false;
  #isStopped = false;

  /** @param update reads the model's state afresh and works on it. */
  constructor(update: (name: string) => Promise<void>, logger: Logger) {
    this.#update = update;
    this.#logger = logger;
  }

  /** Notes that the model changed, and starts the work. */
  changed(name: string): void {
    this.#pending.add(name);
    this.run();
  }

  /** Starts the work on all that is pending, unless it is under way. */
  run(): void {
    if (!this.#isRunning && !this.#isStopped) this.#work = this.#workOff();
  }

  /** Starts nothing more and waits for the one update that runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
  }

  /** Goes on while there is work; what has failed waits for the next run. */
  async #workOff(): Promise<void> {
    this.#isRunning = true;
    const failed = new Set<string>();
    for (let name = this.#next(); name !== undefined; name = this.#next()) {
      this.#pending.delete(name); // before the work: a change meanwhile adds it again
      try {
        await this.#update(name);
        failed.delete(name);
      } catch (error) {
        failed.add(name);
        this.#logger.debug({ model: name, err: messageOf(error) }, "model update failed, trying again");
      }
    }
    for (const name of failed) this.#pending.add(name);
    this.#isRunning = false;
  }

  #next(): string | undefined {
    return this.#isStopped ? undefined : this.#pending.values().next().value;
  }
}
