/**
 * The ClickHouse client: the unmodified @clickhouse/client, for a server, a cluster or the embedded engine alike.
 *
 * Idle sockets are dropped before the server would drop them (keep-alive race: ECONNRESET on the next insert).
 */
import {
  type ClickHouseClient,
  ClickHouseLogLevel,
  type ClickHouseSettings,
  createClient,
} from "@clickhouse/client";
import { EngineError, messageOf } from "../engine/core/errors.ts";

const REQUEST_TIMEOUT_MS = 60_000;
const SOCKET_TTL_MS = 2_000;

export type ClickHouse = ClickHouseClient;

/**
 * Opens a client for `url`, whose user and password are taken as they stand in it. Nothing is sent yet.
 * @param timeoutMs how long a query may be silent.
 */
export function openClickHouse(url: string, timeoutMs: number = REQUEST_TIMEOUT_MS): ClickHouse {
  return openAs(url, timeoutMs, { date_time_input_format: "best_effort" });
}

/**
 * Opens a client for queries of analysts, whose user may change no settings. Of the embedded ClickHouse that is whoever gives no
 * password: an address without a user.
 */
export function openAnalystClickHouse(url: string, timeoutMs: number = REQUEST_TIMEOUT_MS): ClickHouse {
  return openAs(url, timeoutMs, {});
}

function openAs(url: string, timeoutMs: number, settings: ClickHouseSettings): ClickHouse {
  const { username, password } = new URL(url);
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return createClient({
    url: bare,
    username: username === "" ? "default" : decodeURIComponent(username),
    password: decodeURIComponent(password),
    request_timeout: timeoutMs,
    keep_alive: { enabled: true, idle_socket_ttl: SOCKET_TTL_MS },
    log: { level: ClickHouseLogLevel.OFF }, // every error is thrown as well
    clickhouse_settings: settings,
  });
}

/** Rows of a query, each an object of its columns. @throws EngineError SERVICE_UNAVAILABLE */
export async function selectRows<T>(
  client: Pick<ClickHouse, "query">,
  query: string,
  params: Record<string, unknown> = {},
): Promise<T[]> {
  try {
    const result = await client.query({ query, query_params: params, format: "JSONEachRow" });
    return await result.json<T>();
  } catch (error) {
    throw new EngineError("SERVICE_UNAVAILABLE", `ClickHouse: ${messageOf(error)}`, { cause: error });
  }
}
