/**
 * `millrace publish`: puts one message into a stream, for trying things out without another tool. `publish features` makes
 * a feature event, and checks it as the engine will.
 */

import { randomUUID } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { Command } from "commander";
import { openStreams } from "../streams/connection.ts";
import { createTopology } from "../streams/topology.ts";
import { EngineError, messageOf } from "./core/errors.ts";
import { createLogger } from "./core/log.ts";
import { readFeatureMessage } from "./features/feature-message.ts";

const DEFAULT_URL = "nats://127.0.0.1:4222";
const DEFAULT_PREFIX = "millrace";

export function publishCommand(): Command {
  return withNats(new Command("publish").enablePositionalOptions())
    .argument("<subject>", "such as millrace.requests.card-fraud")
    .argument("<payload>", "the message, usually JSON")
    .option("--id <id>", "Nats-Msg-Id: a message of the same id is stored once")
    .action(async (subject: string, payload: string, { nats, id }: PublishOptions) =>
      publish(nats, subject, payload, id),
    )
    .addCommand(featuresCommand());
}

interface PublishOptions {
  readonly nats: string;
  readonly id?: string;
}

/** The option that names NATS, as every command has it that talks to it. */
export function withNats(command: Command): Command {
  return command.option("--nats <url>", "address of NATS", process.env["NATS_URL"] ?? DEFAULT_URL);
}

export function withPrefix(command: Command): Command {
  const prefix = process.env["MILLRACE_PREFIX"] ?? DEFAULT_PREFIX;
  return command.option("--prefix <prefix>", "first token of subjects", prefix);
}

function featuresCommand(): Command {
  return withPrefix(withNats(new Command("features")))
    .description(
      "publish a feature event: something that happened to an entity, or with --values what is so now",
    )
    .argument("<entity_type>", "such as card")
    .argument("<entity_id>", "such as c-17")
    .argument("<fields>", "names and values as JSON, such as '{\"amount\": 12.5}'")
    .option("--values", "sets online features only; windows do not count it")
    .option("--time <time>", "when it happened, ISO 8601 with a zone; now if absent")
    .option("--id <event_id>", "an event of the same id counts once; a new one if absent")
    .action(publishFeatures);
}

interface FeaturesOptions {
  readonly nats: string;
  readonly prefix: string;
  readonly values?: true;
  readonly time?: string;
  readonly id?: string;
}

/** @throws EngineError INVALID_JSON, INVALID_REQUEST when the engine would put the event aside; nothing is published then. */
async function publishFeatures(
  entityType: string,
  entityId: string,
  fields: string,
  { nats, prefix, values, time, id = randomUUID() }: FeaturesOptions,
): Promise<void> {
  const atMs = Date.now();
  const payload = JSON.stringify({
    event_id: id,
    entity_id: entityId,
    event_time: time ?? new Date(atMs).toISOString(),
    [values === undefined ? "event" : "values"]: fromJson(fields),
  });
  const subject = createTopology(prefix).featuresSubject(entityType);
  readFeatureMessage({ seq: 0, subject, data: Buffer.from(payload), atMs });
  await publish(nats, subject, payload, `${entityType}:${id}`);
}

function fromJson(fields: string): unknown {
  try {
    return JSON.parse(fields);
  } catch (error) {
    throw new EngineError("INVALID_JSON", `the fields are not JSON: ${messageOf(error)}`);
  }
}

async function publish(url: string, subject: string, payload: string, id?: string): Promise<void> {
  const connection = await openStreams(url, "millrace publish", createLogger("silent"));
  try {
    const { stream, seq, duplicate } = await jetstream(connection.nats).publish(
      subject,
      payload,
      id === undefined ? {} : { msgID: id },
    );
    console.log(
      duplicate ? `stored before: ${stream} has it as message ${seq}` : `stored: message ${seq} of ${stream}`,
    );
  } finally {
    await connection.close();
  }
}
