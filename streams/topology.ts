/**
 * Names on the wire, and the streams behind them.
 *
 * Every stream has a bound in bytes. The log and the requests refuse what does not fit (`discard: new`), because
 * what they hold is not yet safe elsewhere; so do labels, changes of the registry, and the feature events, which are kept as history, to rebuild online
 * features from; results, events and dead letters let the oldest go. Retention is by limits, not
 * by interest: message-id deduplication survives a server restart only through messages that are still stored. Retraining
 * jobs are a work queue: a job is gone once somebody has done it. So are fits for external trainers.
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
const EVENTS_BYTES_MAX = 64 * 1024 * 1024;

export interface Topology {
  readonly prefix: string;
  readonly logStream: string;
  readonly requestsStream: string;
  readonly predictionsStream: string;
  readonly deadStream: string;
  readonly featuresStream: string;
  readonly labelsStream: string;
  readonly eventsStream: string;
  readonly retrainStream: string;
  /** Fits for external trainers. */
  readonly fitsStream: string;
  /** Reports of failed requests, on their way to ClickHouse. */
  readonly errorsStream: string;
  /** Changes of the registry, on their way to ClickHouse. */
  readonly auditStream: string;
  /** Subject of the prediction log's one partition. */
  readonly logSubject: string;
  readonly errorsSubject: string;
  readonly auditSubject: string;
  predictSubject(model: string): string;
  requestsSubject(model: string): string;
  predictionsSubject(model: string): string;
  deadSubject(stream: string): string;
  featuresSubject(entityType: string): string;
  labelsSubject(model: string): string;
  /** Of what happened, such as `drift_detected`. */
  eventsSubject(kind: string): string;
  retrainSubject(model: string): string;
  /** @param modelType in lower case. */
  fitsSubject(modelType: string): string;
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
    labelsStream: stream("LABELS"),
    eventsStream: stream("EVENTS"),
    retrainStream: stream("RETRAIN"),
    fitsStream: stream("FITS"),
    errorsStream: stream("ERRORS"),
    auditStream: stream("AUDIT"),
    logSubject: `${prefix}.log.0`,
    errorsSubject: `${prefix}.errors.0`,
    auditSubject: `${prefix}.audit.0`,
    predictSubject: (model) => `${prefix}.predict.${model}`,
    requestsSubject: (model) => `${prefix}.requests.${model}`,
    predictionsSubject: (model) => `${prefix}.predictions.${model}`,
    deadSubject: (name) => `${prefix}.dead.${name}`,
    featuresSubject: (entityType) => `${prefix}.features.${entityType}`,
    labelsSubject: (model) => `${prefix}.labels.${model}`,
    eventsSubject: (kind) => `${prefix}.events.${kind}`,
    retrainSubject: (model) => `${prefix}.retrain.${model}`,
    fitsSubject: (modelType) => `${prefix}.fits.${modelType}`,
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
  await ensureStream(manager, { ...keep, name: topology.labelsStream, subjects: [`${prefix}.labels.*`] });
  await ensureStream(manager, {
    ...rotate,
    name: topology.eventsStream,
    subjects: [`${prefix}.events.*`],
    max_bytes: Math.min(bytesMax, EVENTS_BYTES_MAX),
    max_age: 30 * 24 * HOURS_NS,
  });
  await ensureWorkQueues(manager, topology, {
    ...keep,
    max_bytes: Math.min(bytesMax, EVENTS_BYTES_MAX),
  });
  await ensureStream(manager, {
    ...rotate,
    name: topology.errorsStream,
    subjects: [`${prefix}.errors.*`],
    max_bytes: Math.min(bytesMax, EVENTS_BYTES_MAX),
  });
  await ensureStream(manager, {
    ...keep,
    name: topology.auditStream,
    subjects: [`${prefix}.audit.*`],
    max_bytes: Math.min(bytesMax, EVENTS_BYTES_MAX),
  });
}

async function ensureWorkQueues(
  manager: JetStreamManager,
  { prefix, retrainStream, fitsStream }: Topology,
  keep: Partial<StreamConfig>,
): Promise<void> {
  const work = { ...keep, retention: RetentionPolicy.Workqueue };
  await ensureStream(manager, { ...work, name: retrainStream, subjects: [`${prefix}.retrain.*`] });
  await ensureStream(manager, {
    ...work,
    name: fitsStream,
    subjects: [`${prefix}.fits.*`],
    max_age: 24 * HOURS_NS, // rows and orders are kept no longer
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
  const find = async (): Promise<StreamInfo | undefined> =>
    manager.streams.info(config.name).catch(() => undefined);
  const info =
    (await find()) ??
    (await manager.streams.add(whole).catch(async (error: unknown) => {
      const other = await find(); // that another process has made, and given its epoch, meanwhile
      if (other === undefined) throw error;
      return other;
    }));
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
