/**
 * Something that runs while at least one user has it: started for the first, stopped behind the last, one start or stop after the other.
 */
export interface Stoppable {
  stop(): Promise<void>;
}

export class WatchLease {
  readonly #start: () => Promise<Stoppable>;
  #users = 0;
  #running: Promise<Stoppable> | undefined;
  #stopping: Promise<void> = Promise.resolve();

  constructor(start: () => Promise<Stoppable>) {
    this.#start = start;
  }

  /** Resolves once it runs. Every call, failed ones too, is followed by one of giveBack. */
  async take(): Promise<void> {
    this.#users++;
    if (this.#running === undefined) {
      const running = this.#stopping.then(this.#start);
      this.#running = running;
      running.catch(() => {
        if (this.#running === running) this.#running = undefined; // the next user tries again
      });
    }
    await this.#running;
  }

  giveBack(): void {
    this.#users--;
    if (this.#users > 0 || this.#running === undefined) return;
    const running = this.#running;
    this.#running = undefined;
    this.#stopping = running.then(async (watch) => watch.stop()).catch(() => undefined); // one that never ran, as its users know
  }

  /** Resolves when what was given back has stopped. */
  async stopped(): Promise<void> {
    await this.#stopping;
  }
}
