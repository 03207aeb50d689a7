/**
 * Text fit for a NATS header: on one line and short. What is wrong with a request may quote the request, line ends
 * included, and a header with a line end in it cannot be sent.
 */
import { headers, type MsgHdrs } from "@nats-io/transport-node";

const HEADER_TEXT_MAX = 1_000;

export function headerText(text: string): string {
  return text.replaceAll(/[\r\n]+/g, " ").slice(0, HEADER_TEXT_MAX);
}

/** Headers of a message out of names and values. */
export function toHeaders(values: Readonly<Record<string, string>>): MsgHdrs {
  const all = headers();
  for (const [name, value] of Object.entries(values)) all.set(name, headerText(value));
  return all;
}
