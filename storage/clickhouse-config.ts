/**
 * Configuration of the embedded ClickHouse, how its process is started, and what its exit codes mean.
 *
 * The parent writes the configuration as JSON into MILLRACE_CLICKHOUSE_CHILD; the child parses it once, strictly.
 * The parent must also set UV_THREADPOOL_SIZE before the process starts: each running query holds one libuv thread.
 */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const MIB = 1024 * 1024;

const analystLimits = z.strictObject({
  /** Whether `default` with an empty password may read at all. */
  enabled: z.boolean().default(true),
  /** Analysts' queries that run at once. */
  runningMax: z.int().min(1).max(16).default(2),
  /** Analysts' queries that wait; one more is refused with 202. */
  waitingMax: z.int().min(0).max(1000).default(8),
  executionSecondsMax: z.int().min(1).max(3600).default(30),
  memoryBytesMax: z
    .int()
    .min(MIB)
    .default(2048 * MIB),
  resultRowsMax: z.int().min(1).default(1_000_000),
  resultBytesMax: z
    .int()
    .min(1024)
    .default(64 * MIB),
  readRowsMax: z.int().min(1).default(1_000_000_000),
  statementBytesMax: z
    .int()
    .min(1024)
    .default(64 * 1024),
});

export const clickhouseConfig = z.strictObject({
  /** The child's own directory; one process at a time. */
  dataDir: z.string().min(1),
  host: z.string().min(1).default("127.0.0.1"),
  /** 0 picks a free port. */
  port: z.int().min(0).max(65_535).default(8123),
  /** The user that may do all. */
  user: z
    .string()
    .min(1)
    .refine((name) => name !== "default", "default is the analysts' user")
    .default("millrace"),
  password: z.string().min(1),
  /** Made at start; current when a request names none. Analysts may read it. */
  database: z
    .string()
    .regex(/^[A-Za-z_]\w{0,62}$/)
    .refine((name) => name !== "default", "default is chdb's own database, which reads files by name")
    .default("millrace"),
  /** All of the engine: queries, merges, caches. */
  memoryBytesMax: z
    .int()
    .min(512 * MIB)
    .default(4096 * MIB),
  /** A request body after decompression. */
  bodyBytesMax: z
    .int()
    .min(1024)
    .default(256 * MIB),
  /** A result that cannot be streamed and so is held in memory. */
  resultBytesMax: z
    .int()
    .min(1024)
    .default(512 * MIB),
  /** Statement text other than the data of an INSERT. */
  statementBytesMax: z
    .int()
    .min(1024)
    .default(16 * MIB),
  runningMax: z.int().min(1).max(64).default(8),
  waitingMax: z.int().min(0).max(10_000).default(200),
  analyst: analystLimits.prefault({}),
});

export type ClickhouseConfig = z.infer<typeof clickhouseConfig>;
export type AnalystLimits = z.infer<typeof analystLimits>;
/** What a caller gives: defaults may be left out. */
export type ClickhouseOptions = z.input<typeof clickhouseConfig>;

export const CLICKHOUSE_EXIT = {
  /** Asked to stop, or the parent is gone. */
  stopped: 0,
  /** Anything unforeseen: start it again with back-off. */
  failed: 1,
  /** The configuration is wrong: do not start again. */
  badConfig: 2,
  /** Another process has the data directory. */
  dataDirLocked: 3,
  /** The port is taken. */
  portTaken: 4,
  /** The port or the directory may not be used by this user. */
  notPermitted: 5,
  /** chdb has no build for this platform, or it does not load. */
  engineMissing: 6,
} as const;

/** What the child sends once it answers requests. */
export interface ClickhouseReady {
  readonly type: "ready";
  readonly port: number;
}

/** Starts the child; stderr goes to the parent's. It sends ClickhouseReady, or exits with a CLICKHOUSE_EXIT code. */
export function forkClickhouse(options: ClickhouseOptions): ChildProcess {
  const threads = (options.runningMax ?? 8) + (options.analyst?.runningMax ?? 2) + 6; // and files, zlib, cancels
  return fork(fileURLToPath(new URL("./clickhouse-child.js", import.meta.url)), [], {
    env: {
      ...process.env,
      MILLRACE_CLICKHOUSE_CHILD: JSON.stringify(options),
      UV_THREADPOOL_SIZE: String(threads),
    },
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    execArgv: [],
  });
}
