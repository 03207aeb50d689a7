/**
 * What a load generator is told, and what it found. It is a process of its own, so that what it costs is told apart.
 *
 *     closed   each connection sends its next request when its last is answered: the highest throughput
 *     open     requests come at random times (Poisson) whether or not others are answered: the latency that users see. Counted from
 *              the time at which a request was due, so that a stall of the server is in every request that it held up
 */
export interface LoadJob {
  readonly url: string;
  /** Sent in turn: JSON of `POST url`, or the payload of a NATS request. */
  readonly bodies: readonly string[];
  /** Of bodies that are bytes, each a character. */
  readonly encoding?: "latin1";
  /** Of HTTP requests, beside their own. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Subject of NATS requests; without it the URL is asked over HTTP. */
  readonly subject?: string;
  /** Requests under way at most; those that are due beyond wait, and their wait counts. */
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second of an open loop; without it the loop is closed. */
  readonly rate?: number;
  /** Of the arrivals. */
  readonly seed?: number;
}

/** Milliseconds. */
export interface Latency {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  /** [percentile, ms], as the histogram's buckets have them. */
  readonly curve: readonly (readonly [number, number])[];
}

export interface LoadResult {
  readonly seconds: number;
  /** Answers per second with a status below 400. */
  readonly rate: number;
  /** How often each status came, `0` for a connection that broke. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Of answers below 400. */
  readonly latency: Latency;
  /** Of the others, from when they were sent: how fast they were refused. */
  readonly refused: Latency;
  /** By how much the generator itself sent later than due, though a connection was free. */
  readonly late: Latency;
  /** Requests that were due and not sent when the time was over. */
  readonly unsent: number;
  /** Cores that the generator took. */
  readonly cores: number;
}
