/**
 * Gathers single rows of one model into batch requests: a batch is sent when it is full, or when its first row has waited long
 * enough. Each row has its own promise: a row that fails harms no other.
 *
 * Bound: `rowsMax` rows a batch. How many wait for answers is the caller's to bound: each is a promise that it holds.
 */
export interface BatcherOptions {
  /** Rows of a request. */
  readonly rowsMax?: number;
  /** How long a row waits for others. */
  readonly waitMs?: number;
  /** A version or an alias; production unless given. */
  readonly version?: string;
  /** Deadline of each batch; the client's unless given. */
  readonly timeoutMs?: number;
}

const ROWS_MAX = 64;
const WAIT_MS = 2;

interface WaitingRow<Result> {
  /** Its JSON. */
  readonly json: string;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** `Row` is what is predicted on, `Result` what comes of it. */
export class RequestBatcher<Row, Result> {
  readonly #send: (rows: readonly string[]) => Promise<readonly (Result | Error)[]>;
  readonly #rowsMax: number;
  readonly #waitMs: number;
  #waiting: WaitingRow<Result>[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param send sends the JSON of rows; resolves with a result or error for each, in order. */
  constructor(
    send: (rows: readonly string[]) => Promise<readonly (Result | Error)[]>,
    { rowsMax = ROWS_MAX, waitMs = WAIT_MS }: Pick<BatcherOptions, "rowsMax" | "waitMs">,
  ) {
    if (!Number.isInteger(rowsMax) || rowsMax < 1) throw new TypeError("rowsMax must be 1 or more");
    if (!(waitMs >= 0)) throw new TypeError("waitMs must be 0 or more");
    this.#send = send;
    this.#rowsMax = rowsMax;
    this.#waitMs = waitMs;
  }

  /** Resolves with the row's prediction, or rejects with the row's own error. */
  async predict(row: Row): Promise<Result> {
    const json = JSON.stringify(row); // what it throws is this row's alone
    return new Promise((resolve, reject) => {
      this.#waiting.push({ json, resolve, reject });
      if (this.#waiting.length >= this.#rowsMax) this.flush();
      else this.#timer ??= setTimeout(() => this.flush(), this.#waitMs);
    });
  }

  /** Sends what waits, now. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const rows = this.#waiting;
    this.#waiting = [];
    if (rows.length > 0) void this.#settle(rows);
  }

  async #settle(rows: readonly WaitingRow<Result>[]): Promise<void> {
    try {
      const results = await this.#send(rows.map(({ json }) => json));
      rows.forEach(({ resolve, reject }, index) => {
        const result = results[index] ?? new Error(`the answer has ${results.length} of ${rows.length} rows`);
        if (result instanceof Error) reject(result);
        else resolve(result);
      });
    } catch (error) {
      for (const { reject } of rows) reject(error as Error);
    }
  }
}
