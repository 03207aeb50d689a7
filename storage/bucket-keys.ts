/**
 * The keys of a KV bucket from the stream's own list of subjects: one request to the leader, complete or failed, never
 * half. Keys that were deleted are among them.
 */
import type { JetStreamManager } from "@nats-io/jetstream";

export interface BucketKeys {
  readonly keys: readonly string[];
  /** Sequence of the bucket's last write, 0 if there is none. */
  readonly lastSeq: number;
}

/** @param filter subject filter within the bucket, such as `version.>`. */
export async function readKeys(
  manager: JetStreamManager,
  bucket: string,
  filter: string,
): Promise<BucketKeys> {
  const prefix = `$KV.${bucket}.`;
  const { state } = await manager.streams.info(`KV_${bucket}`, { subjects_filter: `${prefix}${filter}` });
  const keys = Object.keys(state.subjects ?? {}).map((subject) => subject.slice(prefix.length));
  return { keys, lastSeq: state.last_seq };
}
