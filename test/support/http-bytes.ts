/** An HTTP request as recorded bytes, and the whole answer, unpacked. */
import { connect } from "node:net";
import { gunzipSync, inflateSync } from "node:zlib";

const TIMEOUT_MS = 20_000;

export interface HttpAnswer {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** @throws Error when no whole answer comes in time. */
export async function exchangeBytes(url: string, request: Uint8Array): Promise<HttpAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = Buffer.alloc(0);
  try {
    return await new Promise((resolve, reject) => {
      socket.setTimeout(TIMEOUT_MS, () =>
        reject(new Error(`no answer in ${TIMEOUT_MS} ms: ${received.toString()}`)),
      );
      socket.on("error", reject);
      socket.on("close", () => reject(new Error(`closed after ${received.length} bytes of an answer`)));
      socket.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        const answer = wholeAnswer(received);
        if (answer !== undefined) resolve(answer);
      });
      socket.write(request);
    });
  } finally {
    socket.destroy();
  }
}

function wholeAnswer(received: Buffer): HttpAnswer | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = headers["content-length"];
  if (length === undefined) throw new Error(`an answer without content-length: ${lines.join(", ")}`);
  const body = received.subarray(end + 4);
  if (body.length < Number(length)) return undefined;
  const status = Number(first.split(" ")[1]);
  return { status, headers, body: unpacked(body, headers["content-encoding"]) };
}

function unpacked(body: Buffer, encoding: string | undefined): Buffer {
  if (encoding === undefined || encoding === "identity") return body;
  if (encoding === "gzip") return gunzipSync(body);
  if (encoding === "deflate") return inflateSync(body);
  throw new Error(`an answer with content-encoding ${encoding}`);
}
