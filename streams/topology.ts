/**
 * Names on the wire, and the streams behind them.
 *
 * Every stream has a bound in bytes. The log and the requests refuse what does not fit (`discard: new`), because
 * what they hold is not yet safe elsewhere; so do the feature events, which are kept as history, to rebuild online
 * features from; results and dead letters let the oldest go. Retention is by limits, not
 * by interest: message-id deduplication survives a server restart only through messages that are still stored.
 * What tells a stream from another of the same name, its epoch, is kept in its metadata: the creation time that the
 * server tells changes when a server starts that was asked to update the stream before.
 */
import {
  DiscardPolicy,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
  type StreamInfo,
} from "@nats-io/jetstream";

const MINUTES_NS = 60 * 1_000_000_000;
const HOURS_NS = 60 * MINUTES_NS;
const EPOCH = "millrace.epoch";

/** How long a message id is remembered. Longer than any retry of the same block or request. */
export const DUPLICATE_WINDOW_MS = 120_000;
/** A larger feature event is refused when it is published, headers included. */
export const FEATURE_BYTES_MAX = 128 * 1024;

export interface Topology {
  readonly prefix: string;
  readonly logStream: string;
  readonly requestsStream: string;
  readonly predictionsStream: string;
  readonly deadStream: string;
  readonly featuresStream: string;
  /** Subject of the prediction log's one partition. */
  readonly logSubject: string;
  predictSubject(model: string): string;
  requestsSubject(model: string): string;
  predictionsSubject(model: string): string;
  deadSubject(stream: string): string;
  featuresSubject(entityType: string): string;
}

export function createTopology(prefix: string): Topology {
  const stream = (name: string): string => `${prefix.toUpperCase()}_${name}`;
  return {
    prefix,
    logStream: stream("LOG"),
    requestsStream: stream("REQUESTS"),
    predictionsStream: stream("PREDICTIONS"),
    deadStream: stream("DEAD"),
    featuresStream: stream("FEATURES"),
    logSubject: `${prefix}.log.0`,
    predictSubject: (model) => `${prefix}.predict.${model}`,
    requestsSubject: (model) => `${prefix}.requests.${model}`,
    predictionsSubject: (model) => `${prefix}.predictions.${model}`,
    deadSubject: (name) => `${prefix}.dead.${name}`,
    featuresSubject: (entityType) => `${prefix}.features.${entityType}`,
  };
}

/** Creates the streams, or brings existing ones to this configuration. */
export async function ensureStreams(
  manager: JetStreamManager,
  topology: Topology,
  bytesMax: number,
): Promise<void> {
  const keep: Partial<StreamConfig> = { discard: DiscardPolicy.New, max_bytes: bytesMax, max_age: 0 };
  const rotate: Partial<StreamConfig> = {
    discard: DiscardPolicy.Old,
    max_bytes: bytesMax,
    max_age: 72 * HOURS_NS,
  };
  const { prefix } = topology;
  await ensureStream(manager, { ...keep, name: topology.logStream, subjects: [`${prefix}.log.*`] });
  await ensureStream(manager, { ...keep, name: topology.requestsStream, subjects: [`${prefix}.requests.*`] });
  await ensureStream(manager, {
    ...keep,
    name: topology.featuresStream,
    subjects: [`${prefix}.features.*`],
    max_msg_size: FEATURE_BYTES_MAX,
  });
  await ensureStream(manager, {
    ...rotate,
    name: topology.predictionsStream,
    subjects: [`${prefix}.predictions.*`],
  });
  await ensureStream(manager, {
    ...rotate,
    name: topology.deadStream,
    subjects: [`${prefix}.dead.*`],
    max_age: 30 * 24 * HOURS_NS,
  });
}

async function ensureStream(
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string },
): Promise<void> {
  const whole = {
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    duplicate_window: (DUPLICATE_WINDOW_MS / 60_000) * MINUTES_NS,
    allow_direct: true,
    ...config,
  };
  const found = await manager.streams.info(config.name).catch(() => undefined);
  const info = found ?? (await manager.streams.add(whole));
  const metadata = { [EPOCH]: String(epochOf(info)) };
  await manager.streams.update(config.name, { ...whole, metadata });
}

/** Names a stream for ever: sequences of another epoch are those of another stream. Its creation time, ms. */
export function epochOf({ config, created }: StreamInfo): number {
  return Number(config.metadata?.[EPOCH] ?? Date.parse(created));
}

/** Where a stream stands: its epoch and the sequence of its last message, 0 when there was none. */
export async function lastPosition(
  manager: JetStreamManager,
  stream: string,
): Promise<{ readonly epoch: number; readonly seq: number }> {
  const info = await manager.streams.info(stream);
  return { epoch: epochOf(info), seq: info.state.last_seq };
}
