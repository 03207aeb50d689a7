/**
 * REDIS_URL, read: one server, or the seed nodes of a Redis Cluster.
 *
 *     redis://user:password@host:6379/0          one server, database 0
 *     redis://user:password@a:7000,b:7001        a cluster: some of its nodes, the rest is discovered
 *     redis://a:7000?cluster=true                a cluster named by one node
 *
 * `rediss://` is the same over TLS. User and password are percent-encoded. Messages never repeat the URL: it has a password.
 */
import { EngineError } from "./errors.ts";

export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

export interface RedisAddress {
  readonly nodes: readonly RedisNode[];
  readonly isCluster: boolean;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Database number; 0 for a cluster, which has no other. */
  readonly db: number;
}

const URL_PARTS = /^(rediss?):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const NODE = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::(\d{1,5}))?$/;
const DEFAULT_PORT = 6379;
const PORT_MAX = 65_535;
const FORMS = "redis://host:6379 for one server, or redis://a:7000,b:7001,c:7002 for a cluster";

/** @throws EngineError INVALID_REQUEST naming what is wrong. */
export function parseRedisUrl(url: string): RedisAddress {
  const parts = URL_PARTS.exec(url);
  if (parts === null) throw refused(`it has the form ${FORMS} (rediss:// with TLS)`);
  const [, scheme, credentials, hosts = "", path = "", query] = parts;
  const nodes = hosts.split(",").map(parseNode);
  const isCluster = parseCluster(query, nodes.length);
  const db = parseDb(path);
  if (isCluster && db !== 0) throw refused("a cluster has database 0 only: leave the path out");
  return { nodes, isCluster, isTls: scheme === "rediss", db, ...parseCredentials(credentials) };
}

function parseNode(text: string): RedisNode {
  const [, ipv6, name, port] = NODE.exec(text) ?? [];
  const host = ipv6 ?? name;
  const number = port === undefined ? DEFAULT_PORT : Number(port);
  if (host === undefined || number < 1 || number > PORT_MAX)
    throw refused(`every node is host:port (an IPv6 address in brackets); it has the form ${FORMS}`);
  return { host, port: number };
}

function parseCluster(query: string | undefined, nodes: number): boolean {
  if (query === undefined || query === "") return nodes > 1;
  if (query === "cluster=true") return true;
  if (query !== "cluster=false") throw refused("the only option is cluster, true or false");
  if (nodes > 1) throw refused("several nodes are a cluster: leave cluster=false out, or name one server");
  return false;
}

function parseDb(path: string): number {
  if (path === "") return 0;
  if (!/^\d{1,5}$/.test(path)) throw refused("the path is the number of a database, as redis://host:6379/0");
  return Number(path);
}

function parseCredentials(text: string | undefined): Pick<RedisAddress, "username" | "password"> {
  if (text === undefined) return { username: undefined, password: undefined };
  const colon = text.indexOf(":");
  const [user, password] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  return { username: decoded(user) || undefined, password: decoded(password) || undefined };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refused("user and password are percent-encoded: a % is written %25");
  }
}

function refused(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", `REDIS_URL: ${message}`, {
    details: [{ field: "REDIS_URL", message }],
  });
}
