/** A gRPC call with recorded bytes as its message, and the answer's tensors, read without the engine's own .proto. */
import { Client, credentials, status } from "@grpc/grpc-js";
import { PbfReader } from "pbf";
import type { OutputBytes } from "./oip-answer.ts";

const INFER = "/inference.GRPCInferenceService/ModelInfer";

export interface GrpcAnswer {
  readonly code: status;
  readonly message: Buffer;
}

export async function inferBytes(address: string, request: Buffer): Promise<GrpcAnswer> {
  const client = new Client(address, credentials.createInsecure());
  const asIs = (bytes: Buffer): Buffer => bytes;
  try {
    return await new Promise((resolve) => {
      client.makeUnaryRequest(INFER, asIs, asIs, request, (error, answer) =>
        resolve({ code: error?.code ?? status.OK, message: answer ?? Buffer.alloc(0) }),
      );
    });
  } finally {
    client.close();
  }
}

/** Of a ModelInferResponse: outputs (field 5) and their raw contents (field 6). */
export function outputsOfMessage(message: Buffer): OutputBytes[] {
  const heads: Omit<OutputBytes, "data">[] = [];
  const contents: Buffer[] = [];
  const reader = new PbfReader(message);
  reader.readFields((field) => {
    if (field === 5) heads.push(readHead(reader));
    if (field === 6) contents.push(Buffer.from(reader.readBytes()));
  }, undefined);
  return heads.map((head, index) => ({ ...head, data: contents[index] ?? Buffer.alloc(0) }));
}

/** Name, datatype and shape of an output: fields 1 to 3. */
function readHead(reader: PbfReader): Omit<OutputBytes, "data"> {
  const head = { name: "", datatype: "", shape: [] as number[] };
  reader.readMessage((field) => {
    if (field === 1) head.name = reader.readString();
    if (field === 2) head.datatype = reader.readString();
    if (field === 3) reader.readPackedVarint(head.shape, true);
  }, undefined);
  return head;
}
