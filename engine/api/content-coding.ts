/**
 * gzip and deflate of bodies, in and out. Bound: what a body is unpacked to, which may be a thousand times as long.
 */
import { promisify } from "node:util";
import { deflate, gunzip, gzip, inflate } from "node:zlib";
import { EngineError, messageOf } from "../core/errors.ts";

export type Coding = "gzip" | "deflate";

/** Shorter bodies are not worth the work. */
const COMPRESSED_BYTES_MIN = 1024;

const unpack = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const;
const pack = { gzip: promisify(gzip), deflate: promisify(deflate) } as const;

/**
 * The coding that a header names: of content-encoding the only one, of accept-encoding one that both sides know.
 * @throws EngineError UNSUPPORTED_MEDIA_TYPE for a content-encoding that is not known.
 */
export function codingIn(header: "content-encoding" | "accept-encoding", value: string): Coding | undefined {
  if (value === "" || value === "identity") return undefined;
  const names = value.toLowerCase().split(",").flatMap(named);
  const known = (["gzip", "deflate"] as const).find((coding) => names.includes(coding));
  if (header === "accept-encoding") return known;
  if (known !== undefined && names.length === 1) return known;
  const message = "must be gzip, deflate or identity";
  throw new EngineError("UNSUPPORTED_MEDIA_TYPE", `content-encoding ${message}`, {
    details: [{ field: "content-encoding", message }],
  });
}

/** Without what is not wanted: `q=0`. */
function named(part: string): string[] {
  const [name = "", ...parameters] = part.split(";").map((text) => text.trim());
  return parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter)) ? [] : [name];
}

/** @throws EngineError INVALID_REQUEST for what cannot be unpacked, PAYLOAD_TOO_LARGE for more than `bytesMax`. */
export async function decompress(body: Buffer, coding: Coding, bytesMax: number): Promise<Buffer> {
  try {
    return await unpack[coding](body, { maxOutputLength: bytesMax });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE")
      throw new EngineError("PAYLOAD_TOO_LARGE", `the body is unpacked to more than ${bytesMax} bytes`);
    const message = `cannot be unpacked as content-encoding says: ${messageOf(error)}`;
    throw new EngineError("INVALID_REQUEST", `the body ${message}`, {
      details: [{ field: "content-encoding", message }],
    });
  }
}

/** The body as it is sent to a client that takes `coding`. */
export async function compress(
  body: string | Uint8Array,
  coding: Coding,
): Promise<{ readonly body: string | Uint8Array; readonly headers: Readonly<Record<string, string>> }> {
  if (body.length < COMPRESSED_BYTES_MIN) return { body, headers: {} };
  return { body: await pack[coding](body), headers: { "content-encoding": coding, vary: "accept-encoding" } };
}
