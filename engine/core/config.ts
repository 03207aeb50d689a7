/**
 * Configuration: one strict schema, read once from the environment, frozen.
 *
 * Every setting has its environment variable, bound, default and sentence here and nowhere else; the reference
 * table in the README is generated from SETTINGS. A misspelled MILLRACE_ variable is an error, not a surprise.
 */
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { parseRedisUrl } from "./redis-url.ts";
import { SIGNATURE_POLICIES } from "./signature.ts";

interface Setting<T extends z.ZodType> {
  readonly env: string;
  readonly schema: T;
  readonly about: string;
}

function setting<T extends z.ZodType>(env: string, schema: T, about: string): Setting<T> {
  return { env, schema, about };
}

const count = (low: number, high: number, fallback: number) =>
  z.coerce.number().int().min(low).max(high).default(fallback);
const share = (fallback: number) => z.coerce.number().min(0).max(1).default(fallback);
const port = () => z.coerce.number().int().min(0).max(65535).optional();
const url = () => z.url().optional();

const MIB = 1024 * 1024;
const EMAIL = /^[^\s@,<>"]{1,64}@[^\s@,<>"]{1,253}$/;
const EMAILS = /^[^\s@,<>"]{1,64}@[^\s@,<>"]{1,253}(, ?[^\s@,<>"]{1,64}@[^\s@,<>"]{1,253}){0,19}$/;
/** Base64 of 24 to 64 bytes. */
const WEBHOOK_SECRET = /^whsec_(?=.{32,88}$)[A-Za-z0-9+/]+={0,2}$/;

function refuseWrongRedisUrl(value: string, context: z.RefinementCtx): void {
  try {
    parseRedisUrl(value);
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    context.addIssue({ code: "custom", message: error.details[0]?.message ?? error.message });
  }
}

export const SETTINGS = {
  natsUrl: setting("NATS_URL", url(), "NATS server with JetStream, 2.11 or newer; without it one is started"),
  redisUrl: setting(
    "REDIS_URL",
    z.string().superRefine(refuseWrongRedisUrl).optional(),
    "Redis 7 or newer, as redis://user:password@host:6379 (rediss:// with TLS); for Redis Cluster some of its nodes, as redis://user:password@a:7000,b:7001,c:7002, or one with ?cluster=true; without it one is started if redis-server is on PATH",
  ),
  clickhouseUrl: setting(
    "CLICKHOUSE_URL",
    url(),
    "ClickHouse over HTTP, as http://user:password@host:8123; without it an embedded one is started",
  ),
  clickhouseAnalystUrl: setting(
    "MILLRACE_CLICKHOUSE_ANALYST_URL",
    url(),
    "the same ClickHouse as a user who may only read, for queries of training jobs; unset: the embedded one's, or CLICKHOUSE_URL with readonly=1",
  ),
  dataDir: setting(
    "MILLRACE_DATA_DIR",
    z.string().min(1).default("./.millrace"),
    "folder of the embedded services' data",
  ),
  signingKey: setting(
    "MILLRACE_SIGNING_KEY",
    z.string().min(1).optional(),
    "file of the private key (Ed25519, PEM) that versions are signed with; unset: keys/signing.pem in the data folder",
  ),
  trustedKeys: setting(
    "MILLRACE_TRUSTED_KEYS",
    z.string().min(1).optional(),
    "public keys (PEM) whose signatures are trusted: a folder, or one file; unset: keys/trusted in the data folder",
  ),
  modelSignatures: setting(
    "MILLRACE_MODEL_SIGNATURES",
    z.enum(SIGNATURE_POLICIES).default("optional"),
    "optional: versions without a signature are loaded too; required: they are not. A signature that is there is checked either way",
  ),
  httpHost: setting(
    "MILLRACE_HTTP_HOST",
    z.string().min(1).default("127.0.0.1"),
    "address that HTTP and gRPC listen on",
  ),
  httpNames: setting(
    "MILLRACE_HTTP_NAMES",
    z
      .string()
      .regex(
        /^[a-z0-9.-]{1,253}(,[a-z0-9.-]{1,253}){0,99}$/,
        "must be host names, in lower case, with commas between",
      )
      .optional(),
    "host names, with commas between, that a request on loopback may be sent to, such as a proxy's; IP addresses and localhost always may",
  ),
  httpPort: setting("MILLRACE_HTTP_PORT", port(), "HTTP port; unset: 8080, or a free one if that is taken"),
  grpcPort: setting("MILLRACE_GRPC_PORT", port(), "gRPC port; unset: 8001, or a free one if that is taken"),
  natsPort: setting("MILLRACE_NATS_PORT", port(), "embedded NATS port; unset: 4222, or a free one"),
  clickhousePort: setting(
    "MILLRACE_CLICKHOUSE_PORT",
    port(),
    "embedded ClickHouse port; unset: 8123, or a free one",
  ),
  redisPort: setting("MILLRACE_REDIS_PORT", port(), "embedded Redis port; unset: 6379, or a free one"),
  prefix: setting(
    "MILLRACE_PREFIX",
    z
      .string()
      .regex(/^[a-z][a-z0-9_-]{0,31}$/)
      .default("millrace"),
    "first token of every subject, and of stream and bucket names",
  ),
  database: setting(
    "MILLRACE_DATABASE",
    z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/)
      .default("millrace"),
    "ClickHouse database",
  ),
  logLevel: setting(
    "MILLRACE_LOG_LEVEL",
    z.enum(["debug", "info", "warn", "error", "silent"]).default("info"),
    "least level that is logged",
  ),
  workers: setting(
    "MILLRACE_WORKERS",
    count(0, 256, 0),
    "inference threads; 0: one per core but one, at least 1",
  ),
  workerTimeoutMs: setting(
    "MILLRACE_WORKER_TIMEOUT_MS",
    count(100, 600_000, 4_000),
    "a batch that runs longer costs its worker thread its life, and its rows are tried again one by one, ms; keep it below half of MILLRACE_TIMEOUT_MS",
  ),
  queueRowsMax: setting(
    "MILLRACE_QUEUE_ROWS_MAX",
    count(1, 10_000_000, 20_000),
    "rows accepted and not yet answered; over it 429",
  ),
  batchRowsMax: setting("MILLRACE_BATCH_ROWS_MAX", count(1, 4096, 256), "rows in one batch to a worker"),
  instancesMax: setting("MILLRACE_INSTANCES_MAX", count(1, 100_000, 10_000), "rows in one batch request"),
  bodyBytesMax: setting(
    "MILLRACE_BODY_BYTES_MAX",
    count(1024, 1024 * MIB, 16 * MIB),
    "bytes in one HTTP body; over it 413",
  ),
  trainers: setting(
    "MILLRACE_TRAINERS",
    count(0, 16, 1),
    "training jobs that a control plane works on at once, each in a process of its own; 0: none, others take them",
  ),
  trainingBytesMax: setting(
    "MILLRACE_TRAINING_BYTES_MAX",
    count(64 * MIB, 1024 * 1024 * MIB, 2048 * MIB),
    "memory of a training process; a job that needs more fails, bytes",
  ),
  artifactBytesMax: setting(
    "MILLRACE_ARTIFACT_BYTES_MAX",
    count(1024, 256 * MIB, 256 * MIB), // base64 of more comes near the longest string there is
    "bytes in one uploaded model, all its files together; a push holds several times as much in memory, one push at a time",
  ),
  wsConnectionsMax: setting(
    "MILLRACE_WS_CONNECTIONS_MAX",
    count(1, 100_000, 1_000),
    "WebSocket connections at once; over it 429",
  ),
  wsInFlightMax: setting(
    "MILLRACE_WS_IN_FLIGHT_MAX",
    count(1, 1_000_000, 1_024),
    "predictions asked for over one WebSocket connection and not yet answered; over it QUEUE_FULL",
  ),
  wsBufferedBytesMax: setting(
    "MILLRACE_WS_BUFFERED_BYTES_MAX",
    count(16 * 1024, 1024 * MIB, 4 * MIB),
    "bytes that a WebSocket client has not read: over a quarter of it subscriptions drop, over it predictions are refused, over twice as many the connection is closed",
  ),
  timeoutMs: setting(
    "MILLRACE_TIMEOUT_MS",
    count(1, 600_000, 10_000),
    "deadline of a request that names none, ms",
  ),
  logAck: setting(
    "MILLRACE_LOG_ACK",
    z.enum(["before-response", "after-response"]).default("before-response"),
    "whether an answer waits until its prediction is in the log",
  ),
  logBlockBytesMax: setting(
    "MILLRACE_LOG_BLOCK_BYTES_MAX",
    count(4096, 8 * MIB, 512 * 1024),
    "bytes in one block of the prediction log; never more than the NATS server's max_payload",
  ),
  logTimeoutMs: setting(
    "MILLRACE_LOG_TIMEOUT_MS",
    count(100, 60_000, 5_000),
    "how long a block may wait for its acknowledgement before its rows are answered 503, ms",
  ),
  featureTimeoutMs: setting(
    "MILLRACE_FEATURE_TIMEOUT_MS",
    count(1, 10_000, 20),
    "how long a prediction waits for features from Redis before their defaults are served, ms",
  ),
  featureCacheMs: setting(
    "MILLRACE_FEATURE_CACHE_MS",
    count(0, 60_000, 10),
    "how old features in the local cache may be, ms; 0: no cache",
  ),
  featureCacheEntriesMax: setting(
    "MILLRACE_FEATURE_CACHE_ENTRIES_MAX",
    count(1, 10_000_000, 10_000),
    "entities in the local cache of features",
  ),
  featureRecentIdsMax: setting(
    "MILLRACE_FEATURE_RECENT_IDS_MAX",
    count(1024, 16_777_216, 262_144),
    "feature events whose ids are remembered, to count one that is published again once",
  ),
  labelRecentIdsMax: setting(
    "MILLRACE_LABEL_RECENT_IDS_MAX",
    count(1024, 16_777_216, 262_144),
    "labels remembered, to store one that is sent again once",
  ),
  featureBatchEntitiesMax: setting(
    "MILLRACE_FEATURE_BATCH_ENTITIES_MAX",
    count(1, 100_000, 1_000),
    "entities in one request for online features",
  ),
  featureStoreBytesMax: setting(
    "MILLRACE_FEATURE_STORE_BYTES_MAX",
    count(MIB, 4096 * MIB, 256 * MIB),
    "entity states kept in each data plane without Redis, bytes; over it those written longest ago are dropped, and their features unavailable",
  ),
  ingestCacheBytesMax: setting(
    "MILLRACE_INGEST_CACHE_BYTES_MAX",
    count(MIB, 4096 * MIB, 256 * MIB),
    "entity states that the ingester keeps beside the store, bytes, so that those of busy entities are not read again",
  ),
  tritonMetrics: setting(
    "MILLRACE_TRITON_METRICS",
    z.enum(["on", "off"]).default("on"),
    "whether /metrics has the models' statistics under Triton's names (nv_inference_…) too",
  ),
  streamBytesMax: setting(
    "MILLRACE_STREAM_BYTES_MAX",
    count(MIB, 1024 * 1024 * MIB, 4096 * MIB),
    "size of each JetStream stream on disk; when the log stream is full, predictions are answered 503",
  ),
  streamInFlightMax: setting(
    "MILLRACE_STREAM_IN_FLIGHT_MAX",
    count(1, 100_000, 5_000),
    "stream requests pulled and not yet acknowledged",
  ),
  streamDeliveriesMax: setting(
    "MILLRACE_STREAM_DELIVERIES_MAX",
    count(1, 1000, 5),
    "deliveries of a stream request before it goes to the dead letters",
  ),
  sinkRowsMax: setting(
    "MILLRACE_SINK_ROWS_MAX",
    count(1, 1_000_000, 100_000),
    "rows in one insert into ClickHouse",
  ),
  sinkBytesMax: setting(
    "MILLRACE_SINK_BYTES_MAX",
    count(4096, 256 * MIB, 16 * MIB),
    "bytes in one insert into ClickHouse",
  ),
  sinkFlushMs: setting(
    "MILLRACE_SINK_FLUSH_MS",
    count(1, 60_000, 500),
    "longest wait of a logged row before it is inserted, ms",
  ),
  sinkDedupRowsMax: setting(
    "MILLRACE_SINK_DEDUP_ROWS_MAX",
    count(1024, 16_777_216, 1_048_576),
    "stream predictions remembered to drop repeats",
  ),
  alertWebhookUrl: setting(
    "MILLRACE_ALERT_WEBHOOK_URL",
    z.url({ protocol: /^https?$/, message: "must be an http:// or https:// address" }).optional(),
    "where alerts are posted, such as a Slack incoming webhook; it is kept out of logs",
  ),
  alertWebhookSecret: setting(
    "MILLRACE_ALERT_WEBHOOK_SECRET",
    z
      .string()
      .regex(WEBHOOK_SECRET, "must be whsec_ and base64 of 24 to 64 bytes: openssl rand -base64 32")
      .optional(),
    "key that signs what is posted, as Standard Webhooks has it: whsec_ and base64 of 24 to 64 bytes",
  ),
  smtpUrl: setting(
    "MILLRACE_SMTP_URL",
    z.url({ protocol: /^smtps?$/, message: "must be an smtp:// or smtps:// address" }).optional(),
    "server that sends alerts by e-mail, as smtp://user:password@host:587 (STARTTLS where it is offered) or smtps://host:465",
  ),
  alertEmailTo: setting(
    "MILLRACE_ALERT_EMAIL_TO",
    z.string().regex(EMAILS, "must be e-mail addresses, with commas between").optional(),
    "who gets alerts by e-mail, with commas between",
  ),
  alertEmailFrom: setting(
    "MILLRACE_ALERT_EMAIL_FROM",
    z.string().regex(EMAIL, "must be an e-mail address").optional(),
    "sender of alerts by e-mail",
  ),
  alertTimeoutMs: setting(
    "MILLRACE_ALERT_TIMEOUT_MS",
    count(100, 60_000, 10_000),
    "how long one attempt to deliver an alert may take, ms",
  ),
  alertAttemptsMax: setting(
    "MILLRACE_ALERT_ATTEMPTS_MAX",
    count(1, 20, 8),
    "attempts to deliver an alert, with growing pauses, before it is recorded as undelivered",
  ),
  alertLatencyP99Ms: setting(
    "MILLRACE_ALERT_LATENCY_MS",
    count(1, 600_000, 500),
    "p99 of latency above which the built-in rule high-latency alerts, ms",
  ),
  alertErrorRate: setting(
    "MILLRACE_ALERT_ERROR_RATE",
    share(0.01),
    "share of failed rows above which the built-in rule high-error-rate alerts",
  ),
  alertPerformanceDrop: setting(
    "MILLRACE_ALERT_PERFORMANCE_DROP",
    share(0.05),
    "how far a model's main metric may be below its reference's before the built-in rule performance-below-reference alerts",
  ),
} as const;

type Settings = typeof SETTINGS;
export type Config = { readonly [K in keyof Settings]: z.infer<Settings[K]["schema"]> };

/**
 * Reads the configuration from environment variables.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown variable.
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const details: { field: string; message: string }[] = [];
  const values: Record<string, unknown> = {};
  const known = new Set<string>(RESERVED_ENV);
  for (const [key, { env: name, schema, about }] of Object.entries(SETTINGS)) {
    known.add(name);
    const raw = env[name];
    const result = schema.safeParse(raw === "" ? undefined : raw);
    if (result.success) values[key] = result.data;
    else
      details.push({
        field: name,
        message: `${result.error.issues[0]?.message ?? "is not valid"} (${about})`,
      });
  }
  for (const name of Object.keys(env)) {
    if (name.startsWith("MILLRACE_") && !known.has(name))
      details.push({ field: name, message: "is no setting; see millrace serve --help" });
  }
  if (details.length > 0) {
    const lines = details.map((detail) => `${detail.field}: ${detail.message}`);
    throw new EngineError("INVALID_REQUEST", `the environment does not fit:\n  ${lines.join("\n  ")}`, {
      details,
    });
  }
  return Object.freeze(values) as Config;
}

/** Variables of the same prefix that other parts read: the CLI's address, and what a parent hands its children. */
const RESERVED_ENV = [
  "MILLRACE_URL",
  "MILLRACE_NATS_SERVER",
  "MILLRACE_CLICKHOUSE_CHILD",
  "MILLRACE_CONTROL_CHILD",
];
