/** Requests of unmodified clients, as test/fixtures/make-oip-requests.py recorded them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PROJECT } from "./model-folder.ts";
import type { OutputBytes } from "./oip-answer.ts";

export interface RecordedRequest {
  readonly name: string;
  readonly request: Buffer;
  readonly status: number;
  /** That must come back with status 200. */
  readonly outputs: readonly OutputBytes[];
}

interface RecordedFile {
  readonly host: string;
  readonly requests: readonly {
    readonly name: string;
    readonly request: string;
    readonly status: number;
    readonly outputs?: readonly (Omit<OutputBytes, "data"> & { readonly data: string })[];
  }[];
}

/** @param client a file of test/fixtures/oip. @param host that the requests are to name instead of the recording one. */
export function readRecorded(client: string, host?: string): RecordedRequest[] {
  const file = join(PROJECT, "test/fixtures/oip", `${client}.json`);
  const { host: recorder, requests } = JSON.parse(readFileSync(file, "utf8")) as RecordedFile;
  return requests.map(({ name, request, status, outputs = [] }) => ({
    name,
    request: withHost(Buffer.from(request, "base64"), recorder, host ?? recorder),
    status,
    outputs: outputs.map((output) => ({ ...output, data: Buffer.from(output.data, "base64") })),
  }));
}

function withHost(request: Buffer, recorder: string, host: string): Buffer {
  const line = Buffer.from(`Host: ${recorder}\r\n`);
  const at = request.indexOf(line);
  if (at < 0) return request;
  const changed = Buffer.from(`Host: ${host}\r\n`);
  return Buffer.concat([request.subarray(0, at), changed, request.subarray(at + line.length)]);
}
