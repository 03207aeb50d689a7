/**
 * `millrace publish`: puts one message into a stream, for trying things out without another tool.
 */

import { jetstream } from "@nats-io/jetstream";
import { Command } from "commander";
import { openStreams } from "../streams/connection.ts";
import { createLogger } from "./core/log.ts";

const DEFAULT_URL = "nats://127.0.0.1:4222";

export function publishCommand(): Command {
  return new Command("publish")
    .description("publish one message to a stream and say where it is, e.g. to millrace.requests.<model>")
    .argument("<subject>", "such as millrace.requests.card-fraud")
    .argument("<payload>", "the message, usually JSON")
    .option("--nats <url>", "address of NATS", process.env["NATS_URL"] ?? DEFAULT_URL)
    .option("--id <id>", "Nats-Msg-Id: a message of the same id is stored once")
    .action(publish);
}

async function publish(
  subject: string,
  payload: string,
  { nats: url, id }: { nats: string; id?: string },
): Promise<void> {
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
