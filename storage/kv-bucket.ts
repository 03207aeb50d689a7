/**
 * Opens KV buckets. Reads go to the stream's leader, never to a replica that lags: what is read may be changed by compare-and-set.
 */
import { type JetStreamClient, type JetStreamManager, jetstream } from "@nats-io/jetstream";
import { type KV, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { insist } from "./nats-failure.ts";

const REQUEST_TIMEOUT_MS = 3_000;

export interface KvBucket {
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly kv: KV;
  /** Its name. */
  readonly bucket: string;
}

export interface KvBucketOptions {
  /** Values of a key that are kept. */
  readonly history?: number;
  /** How long a value is kept after it was written, ms; without it for ever. */
  readonly ageMsMax?: number;
}

/** Creates the bucket when it is missing. The caller closes the connection. @throws EngineError SERVICE_UNAVAILABLE */
export async function openKvBucket(
  connection: NatsConnection,
  bucket: string,
  { history = 1, ageMsMax = 0 }: KvBucketOptions = {},
): Promise<KvBucket> {
  const client = jetstream(connection, { timeout: REQUEST_TIMEOUT_MS });
  return insist(`open the bucket ${bucket}`, async () => {
    const [kv, manager] = await Promise.all([
      new Kvm(client).create(bucket, { history, allow_direct: false, ttl: ageMsMax }),
      client.jetstreamManager(),
    ]);
    return { connection, client, manager, kv, bucket };
  });
}
