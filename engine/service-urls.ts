/**
 * Where NATS, ClickHouse and Redis are for this process, whether started by it or named by its environment.
 */

/** Where the services are; with credentials, so never shown as they are. */
export interface ServiceUrls {
  readonly nats: string;
  readonly clickhouse: string;
  readonly redis: string | undefined;
}
