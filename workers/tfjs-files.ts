/**
 * Reads the files of a TensorFlow.js model (`tfjs/model.json` and its weight shards) out of the artifact, so that
 * the library loads from memory and never from an address.
 *
 * Invariant: shards are plain names inside the folder, and together they have exactly the bytes that the weights
 * need.
 */
import type { io } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { modelInvalid, quoted, toModelInvalid } from "./model-invalid.ts";

export const TFJS_FILE = "tfjs/model.json";
const FOLDER = "tfjs/";
const TOPOLOGY_BYTES_MAX = 64 * 1024 ** 2;
const DTYPE_BYTES: Readonly<Record<string, number>> = {
  float32: 4,
  int32: 4,
  complex64: 8,
  uint16: 2,
  float16: 2,
  uint8: 1,
  bool: 1,
};

const weightSpec = z.looseObject({
  name: z.string(),
  shape: z.array(z.int().min(0)),
  dtype: z.enum(["float32", "int32", "bool", "complex64", "string"]),
  quantization: z.looseObject({ dtype: z.enum(["uint8", "uint16", "float16"]) }).optional(),
});
const weightGroup = z.object({
  paths: z.array(
    z.string().regex(/^(?!\.)[A-Za-z0-9_.-]{1,255}$/, "must be the plain name of a file in the folder tfjs/"),
  ),
  weights: z.array(weightSpec),
});
const topologyFile = z.looseObject({
  format: z.string().optional(),
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(weightGroup),
  signature: z.looseObject({}).optional(),
});

type TopologyFile = z.infer<typeof topologyFile>;

export interface TfjsFiles {
  readonly kind: "layers" | "graph";
  /** What the library loads; holds no reference to the artifact. */
  readonly artifacts: io.ModelArtifacts;
}

/** @throws EngineError MODEL_INVALID */
export function readTfjsFiles(files: ReadonlyMap<string, Uint8Array>): TfjsFiles {
  const file = parseTopology(files);
  const topology = file.modelTopology;
  const kind = Array.isArray(topology["node"]) ? "graph" : "layers";
  const artifacts: io.ModelArtifacts = {
    modelTopology: topology,
    weightSpecs: file.weightsManifest.flatMap((group) => group.weights) as io.WeightsManifestEntry[],
    weightData: readWeights(files, file.weightsManifest),
    ...(file.format === undefined ? {} : { format: file.format }),
    ...(file.signature === undefined ? {} : { signature: file.signature }),
  };
  return { kind, artifacts };
}

function parseTopology(files: ReadonlyMap<string, Uint8Array>): TopologyFile {
  const bytes = files.get(TFJS_FILE);
  if (bytes === undefined) {
    throw modelInvalid(
      TFJS_FILE,
      `missing. Put the exported model there; the folder has ${quoted([...files.keys()])}.`,
    );
  }
  if (bytes.length > TOPOLOGY_BYTES_MAX) {
    throw modelInvalid(
      TFJS_FILE,
      `the file has ${bytes.length} bytes; at most ${TOPOLOGY_BYTES_MAX} are allowed.`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (error) {
    throw toModelInvalid(error, TFJS_FILE, "not JSON, or cut off; export the model again");
  }
  const result = topologyFile.safeParse(json);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw modelInvalid(
    TFJS_FILE,
    `not a TensorFlow.js model: ${issue?.path.join(".")}: ${issue?.message}. ` +
      "Export it with model.save() or tensorflowjs_converter.",
  );
}

function readWeights(
  files: ReadonlyMap<string, Uint8Array>,
  groups: TopologyFile["weightsManifest"],
): ArrayBuffer {
  const parts: Uint8Array[] = [];
  for (const { paths, weights } of groups) {
    const shards = paths.map((path) => {
      const shard = files.get(FOLDER + path);
      if (shard === undefined) {
        throw modelInvalid(FOLDER + path, `missing. ${TFJS_FILE} names this file; push it with the model.`);
      }
      return shard;
    });
    const size = shards.reduce((sum, shard) => sum + shard.length, 0);
    const needed = bytesOf(weights);
    if (needed !== undefined && size !== needed) {
      throw modelInvalid(
        FOLDER + (paths.at(-1) ?? "model.json"),
        `${quoted(paths)} have ${size} bytes together, but the weights need ${needed}. ` +
          "A file is cut off or of another export: push all files of one export.",
      );
    }
    parts.push(...shards);
  }
  const total = parts.reduce((sum, part) => sum + part.length, 0);
  const data = new Uint8Array(total);
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return data.buffer;
}

/** Bytes of the weights, or undefined when strings are among them: those say their length themselves. */
function bytesOf(weights: readonly z.infer<typeof weightSpec>[]): number | undefined {
  if (weights.some(({ dtype }) => dtype === "string")) return undefined;
  return weights.reduce((sum, { shape, dtype, quantization }) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return sum + count * (DTYPE_BYTES[quantization?.dtype ?? dtype] ?? 0);
  }, 0);
}
