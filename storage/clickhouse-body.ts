/**
 * Request bodies: decompressed, bounded, and either held as text or laid down in a spool file.
 *
 * The engine reads the data of an INSERT from a file, because the binding's inline way cuts binary data at certain
 * bytes. A body is complete before the engine sees it: a client that dies half-way inserts nothing.
 * Bounds: the body after decompression (bodyBytesMax); the part of it held in memory (HEAD_BYTES, BLOCK_BYTES).
 */
import { randomUUID } from "node:crypto";
import { type FileHandle, open, rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate } from "node:zlib";
import { ClickhouseError } from "./clickhouse-error.ts";

/** Statement text is looked for in this much of a body; as ClickHouse's max_query_size. */
export const HEAD_BYTES = 256 * 1024;
const BLOCK_BYTES = 1024 * 1024;

export interface BodyHead {
  readonly head: Buffer;
  /** True when `head` is the whole body. */
  readonly isWhole: boolean;
  /** The rest, to be read once. */
  readonly rest: AsyncIterable<Buffer>;
}

/** Reads the first part of a body: all of it when it is short. */
export async function readHead(request: IncomingMessage, bodyBytesMax: number): Promise<BodyHead> {
  const rest = bounded(decoded(request), bodyBytesMax);
  const parts: Buffer[] = [];
  let bytes = 0;
  while (bytes < HEAD_BYTES) {
    const next = await rest.next();
    if (next.done === true) return { head: Buffer.concat(parts), isWhole: true, rest };
    parts.push(next.value);
    bytes += next.value.length;
  }
  return { head: Buffer.concat(parts), isWhole: false, rest };
}

/** Reads all of a body into memory. @throws ClickhouseError 628 over `bytesMax`. */
export async function readAll(body: BodyHead, bytesMax: number): Promise<Buffer> {
  const parts = [body.head];
  let bytes = body.head.length;
  if (!body.isWhole) {
    for await (const part of body.rest) {
      parts.push(part);
      bytes += part.length;
      if (bytes > bytesMax) break;
    }
  }
  if (bytes > bytesMax) throw tooLarge(bytesMax, "statement");
  return Buffer.concat(parts);
}

/** Writes `first` and then `body` into a new file, hands its path to `task`, and removes it. */
export async function withSpoolFile<T>(
  spoolDir: string,
  first: Buffer,
  rest: AsyncIterable<Buffer> | undefined,
  task: (path: string, bytes: number) => Promise<T>,
): Promise<T> {
  const path = join(spoolDir, `${randomUUID()}.data`);
  const file = await open(path, "wx", 0o600);
  try {
    const bytes = await spool(file, first, rest);
    return await task(path, bytes);
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

async function spool(
  file: FileHandle,
  first: Buffer,
  rest: AsyncIterable<Buffer> | undefined,
): Promise<number> {
  let block = first.length > 0 ? [first] : [];
  let blockBytes = first.length;
  let bytes = first.length;
  for await (const part of rest ?? []) {
    block.push(part);
    blockBytes += part.length;
    bytes += part.length;
    if (blockBytes < BLOCK_BYTES) continue;
    await writeFully(file, block, blockBytes);
    block = [];
    blockBytes = 0;
  }
  if (blockBytes > 0) await writeFully(file, block, blockBytes);
  return bytes;
}

/** writev may write less than asked, above all on a full disk. */
async function writeFully(file: FileHandle, block: Buffer[], bytes: number): Promise<void> {
  const { bytesWritten } = await file.writev(block);
  if (bytesWritten < bytes) await file.writeFile(Buffer.concat(block).subarray(bytesWritten));
}

function decoded(request: IncomingMessage): Readable {
  const encoding = (request.headers["content-encoding"] ?? "identity").toLowerCase();
  if (encoding === "identity" || encoding === "") return request;
  const decoder = decoderOf(encoding);
  if (decoder === undefined) {
    throw new ClickhouseError(48, `Unknown Content-Encoding ${encoding}: gzip, deflate and br are supported`);
  }
  request.on("error", (error) => decoder.destroy(error));
  request.on("aborted", () => decoder.destroy(new ClickhouseError(236, "The client went away")));
  return request.pipe(decoder);
}

function decoderOf(encoding: string) {
  if (encoding === "gzip" || encoding === "x-gzip") return createGunzip();
  if (encoding === "deflate") return createInflate();
  if (encoding === "br") return createBrotliDecompress();
  return undefined;
}

async function* bounded(source: Readable, bytesMax: number): AsyncGenerator<Buffer, undefined> {
  let bytes = 0;
  try {
    for await (const part of source) {
      bytes += (part as Buffer).length;
      if (bytes > bytesMax) throw tooLarge(bytesMax, "body");
      yield part as Buffer;
    }
  } catch (error) {
    if (error instanceof ClickhouseError) throw error;
    throw new ClickhouseError(117, `Cannot read the request body: ${(error as Error).message}`);
  }
}

function tooLarge(bytesMax: number, what: string): ClickhouseError {
  return new ClickhouseError(628, `The ${what} is larger than ${bytesMax} bytes. Send it in parts`);
}

/** Fields of a multipart/form-data body: the client sends long parameters in this way. */
export function multipartFields(contentType: string, body: Buffer): Map<string, string> {
  const boundary = /boundary="?([^";]+)"?/i.exec(contentType)?.[1];
  if (boundary === undefined) throw new ClickhouseError(117, "multipart/form-data without a boundary");
  const fields = new Map<string, string>();
  for (const part of body.toString("latin1").split(`--${boundary}`)) {
    const gap = part.indexOf("\r\n\r\n");
    const name = /content-disposition:[^\r\n]*\bname="([^"]*)"/i.exec(part.slice(0, gap))?.[1];
    if (gap < 0 || name === undefined) continue;
    fields.set(name, Buffer.from(part.slice(gap + 4).replace(/\r\n$/, ""), "latin1").toString());
  }
  return fields;
}
