/**
 * Connections to one Redis server or to a Redis Cluster: they never queue, fail fast, and reconnect by themselves.
 *
 * A command is sent once: what a lost connection left unanswered fails and is never sent again on the next one, where
 * it could overtake a later write. A connection that owes an answer and stays silent is given up.
 */
import { Cluster, type ClusterOptions, Redis } from "ioredis";
import { type Logger, withoutCredentials } from "../engine/core/log.ts";
import { parseRedisUrl, type RedisAddress } from "../engine/core/redis-url.ts";

export type RedisConnection = Redis | Cluster;

const CONNECT_TIMEOUT_MS = 2_000;
const SILENT_MS_MAX = 2_000;
const RECONNECT_LAST_MS = 2_000;
const SLOTS_REFRESH_MS = 2_000;
const REDIRECTIONS_MAX = 4;

/**
 * Starts connecting; commands fail at once while there is no connection.
 * @param silentMsMax how long a connection may owe an answer before it is closed and made anew, ms.
 * @throws EngineError INVALID_REQUEST when the URL is wrong.
 */
export function openRedis(url: string, logger: Logger, silentMsMax = SILENT_MS_MAX): RedisConnection {
  const address = parseRedisUrl(url);
  const connection = address.isCluster ? openCluster(address, silentMsMax) : openServer(address, silentMsMax);
  let isReported = false;
  const report = (error: Error): void => {
    const level = isReported ? "debug" : "warn";
    isReported = true;
    // The message only: an error of ioredis carries its command, and a handshake's has the password.
    logger[level]({ url: withoutCredentials(url), err: error.message }, "Redis connection failed");
  };
  connection.on("ready", () => {
    isReported = false;
    logger.info({ url: withoutCredentials(url) }, "Redis connected");
  });
  connection.on("error", report);
  connection.on("node error", report);
  return connection;
}

/** Whether every slot of the cluster, or the one server, has a connection. */
export function isConnected(connection: RedisConnection): boolean {
  if (connection.status !== "ready") return false;
  if (!(connection instanceof Cluster)) return true;
  const ready = new Set(
    connection.nodes("master").map((node) => (node.status === "ready" ? nodeKey(node) : "")),
  );
  return connection.slots.length > 0 && connection.slots.every(([master = ""]) => ready.has(master));
}

/** How a cluster's slot map names the node of a connection. */
export function nodeKey({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}

function common({ username, password, isTls }: RedisAddress, silentMsMax: number) {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(isTls ? { tls: {} } : {}),
    maxRetriesPerRequest: 0, // with 1, unanswered commands are sent again after the first reconnection
    connectTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: silentMsMax,
  };
}

function reconnectDelay(attempt: number): number {
  return Math.min(attempt * 100, RECONNECT_LAST_MS);
}

function openServer(address: RedisAddress, silentMsMax: number): Redis {
  return new Redis({
    ...common(address, silentMsMax),
    ...address.nodes[0],
    db: address.db,
    enableOfflineQueue: false,
    retryStrategy: reconnectDelay,
  });
}

function openCluster(address: RedisAddress, silentMsMax: number): Cluster {
  // Certificates are for names: with TLS they are not resolved to addresses first.
  const asNamed: NonNullable<ClusterOptions["dnsLookup"]> = (name, done) => done(null, name);
  const cluster = new Cluster([...address.nodes], {
    redisOptions: common(address, silentMsMax),
    ...(address.isTls ? { dnsLookup: asNamed } : {}),
    enableOfflineQueue: false,
    clusterRetryStrategy: reconnectDelay,
    slotsRefreshInterval: SLOTS_REFRESH_MS, // finds nodes that are back, too: they do not reconnect by themselves
    maxRedirections: REDIRECTIONS_MAX,
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
  });
  // Nodes would connect at their first command, which would then wait in a queue. Before the cluster is ready they are
  // left alone: its own first question goes to one that is not connecting yet.
  const connectNode = (node: Redis): void => {
    if (cluster.status === "ready" && node.status === "wait") node.connect().catch(() => undefined); // "node error"
  };
  cluster.on("+node", connectNode);
  cluster.on("ready", () => cluster.nodes("master").forEach(connectNode));
  return cluster;
}
