/**
 * A webhook for tests: a real HTTP server that answers as it is told, and keeps what it got.
 */
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface WebhookServer extends AsyncDisposable {
  readonly url: string;
  readonly received: readonly Received[];
  /** How it answers; may keep the response open. */
  answer: (response: ServerResponse, received: Received) => void;
}

/** @param port 0 for a free one. */
export async function startWebhook(port = 0): Promise<WebhookServer> {
  const received: Received[] = [];
  const webhook = {
    answer: (response: ServerResponse, _received: Received): void => void response.writeHead(200).end("ok"),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const one = { headers: request.headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      webhook.answer(response, one);
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(webhook, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks/secret-path`,
    received,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}
