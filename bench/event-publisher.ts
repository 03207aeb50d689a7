/**
 * A producer of feature events in a process of its own: publishes as many as the job says, each acknowledged by the
 * stream, as fast as acknowledgements come or at a steady rate, and tells its parent how long that took.
 *
 * Bound: IN_FLIGHT_MAX events without an acknowledgement.
 */
import { connect, createInbox, type NatsConnection } from "@nats-io/transport-node";
import { createDeferred } from "../engine/core/deferred.ts";

const IN_FLIGHT_MAX = 4_000;
const TICK_MS = 5;

export interface PublishJob {
  readonly natsUrl: string;
  readonly entityType: string;
  readonly events: number;
  readonly entities: number;
  /** in turn: each has as many events as the others. */
  readonly order: "in turn" | "random";
  /** Fields of each event: f0, f1, ... */
  readonly fields: number;
  /** Event times are spread over so many ms before now. */
  readonly spreadMs: number;
  /** Events per second; undefined: as fast as they are acknowledged. */
  readonly perSecond?: number;
}

export interface Published {
  readonly tookMs: number;
}

process.on("message", (job: PublishJob) => {
  publish(job).then(
    (published) => process.send?.(published),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on("disconnect", () => process.exit(0));

async function publish(job: PublishJob): Promise<Published> {
  const nats = await connect({ servers: job.natsUrl, noAsyncTraces: true });
  const startedMs = performance.now();
  await publishAll(nats, job);
  const tookMs = performance.now() - startedMs;
  await nats.close();
  return { tookMs };
}

/** Acknowledgements come to one inbox and are counted: the client's own requests would cost more than the events. */
async function publishAll(nats: NatsConnection, job: PublishJob): Promise<void> {
  const inbox = createInbox();
  const done = createDeferred<void>();
  const subject = `millrace.features.${job.entityType}`;
  const run = Date.now().toString(36);
  const startedMs = performance.now();
  let sent = 0;
  let acknowledged = 0;
  const send = (): void => {
    const { perSecond } = job;
    const due = perSecond === undefined ? job.events : ((performance.now() - startedMs) * perSecond) / 1000;
    const until = Math.min(job.events, due, acknowledged + IN_FLIGHT_MAX);
    while (sent < until) nats.publish(subject, eventJson(job, run, sent++), { reply: inbox });
  };
  nats.subscribe(inbox, {
    callback: (error, message) => {
      if (error !== null || message.data.length === 0 || message.string().includes('"error"'))
        return done.reject(new Error(`not stored: ${error?.message ?? message.string()}`));
      if (++acknowledged === job.events) return done.resolve();
      if (job.perSecond === undefined && sent - acknowledged < IN_FLIGHT_MAX / 2) send();
    },
  });
  const timer = setInterval(send, TICK_MS);
  send();
  await done.promise;
  clearInterval(timer);
}

function eventJson(job: PublishJob, run: string, index: number): string {
  const entity = job.order === "random" ? Math.floor(Math.random() * job.entities) : index % job.entities;
  const eventMs = Date.now() - Math.floor(Math.random() * job.spreadMs);
  let fields = "";
  for (let field = 0; field < job.fields; field++)
    fields += `${field === 0 ? "" : ","}"f${field}":${((index * 37 + field * 101) % 100_000) / 100}`;
  return `{"event_id":"${run}-${index}","entity_id":"e${entity}","event_time":${eventMs},"event":{${fields}}}`;
}
