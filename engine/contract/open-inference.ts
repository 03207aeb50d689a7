/** JSON of the Open Inference Protocol: requests as they are checked, and answers. Binary data follow the JSON, see oip/infer-request. */
import { z } from "zod";
import { datatype } from "../core/tensor-datatype.ts";

const TENSORS_MAX = 10_000;
const NAME_LENGTH_MAX = 256;
const DIMENSIONS_MAX = 16;
export const ELEMENTS_MAX = 2 ** 31;
const PARAMETERS_MAX = 64;

const tensorName = z.string().min(1).max(NAME_LENGTH_MAX);
const parameter = z.union([
  z.string().max(4096),
  z.number(),
  z.boolean(),
  // a whole number that a double does not hold, such as an id of 64 bits
  z.bigint().meta({ type: "integer" }),
]);
export const inferParameters = z
  .record(z.string().max(NAME_LENGTH_MAX), parameter)
  .refine(
    (values) => Object.keys(values).length <= PARAMETERS_MAX,
    `must have at most ${PARAMETERS_MAX} parameters`,
  )
  .meta({ maxProperties: PARAMETERS_MAX });
export type InferParameters = Readonly<z.infer<typeof inferParameters>>;

/** Fields that these do not name are ignored, as the protocol's extensions need. */
export const inferInput = z
  .object({
    name: tensorName,
    datatype,
    shape: z.array(z.int().min(0).max(ELEMENTS_MAX)).min(1).max(DIMENSIONS_MAX),
    parameters: inferParameters
      .nullish()
      .describe("binary_data_size: bytes that follow the JSON, instead of data"),
    data: z.unknown().nullish().describe("elements, row-major, nested as the shape says or flat"),
  })
  .meta({ id: "InferInput" });
export const inferOutput = z
  .object({
    name: tensorName,
    parameters: inferParameters
      .nullish()
      .describe("binary_data: whether its data follow the JSON of the answer"),
  })
  .meta({ id: "InferOutput" });

export const inferRequest = z
  .object({
    id: z.string().max(128).nullish().describe("told back, and the request_id of the prediction"),
    parameters: inferParameters
      .nullish()
      .describe("priority, timeout (µs), binary_data_output, entity_id, prediction_ids"),
    inputs: z.array(inferInput).min(1).max(TENSORS_MAX),
    outputs: z.array(inferOutput).max(TENSORS_MAX).nullish().describe("all that the model has, unless named"),
  })
  .meta({ id: "InferRequest" });

const answeredTensor = z
  .object({
    name: z.string(),
    datatype,
    shape: z.array(z.int()),
    parameters: z.object({ binary_data_size: z.int() }).optional(),
    data: z.array(z.unknown()).optional(),
  })
  .meta({ id: "InferTensor" });

export const inferResponse = z
  .object({
    model_name: z.string(),
    model_version: z.string(),
    id: z.string().optional(),
    parameters: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    outputs: z.array(answeredTensor),
  })
  .meta({ id: "InferResponse" });
export type InferResponseJson = z.infer<typeof inferResponse>;

const tensorMetadata = z
  .object({ name: z.string(), datatype, shape: z.array(z.int()) })
  .meta({ id: "TensorMetadata" });

export const serverMetadata = z
  .object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) })
  .meta({ id: "ServerMetadata" });
export type ServerMetadata = z.infer<typeof serverMetadata>;
export const modelMetadata = z
  .object({
    name: z.string(),
    versions: z.array(z.string()),
    platform: z.string(),
    inputs: z.array(tensorMetadata),
    outputs: z.array(tensorMetadata),
  })
  .meta({ id: "ModelMetadata" });
export type ModelMetadata = z.infer<typeof modelMetadata>;
export const modelConfiguration = z
  .looseObject({ name: z.string(), platform: z.string(), backend: z.string(), max_batch_size: z.int() })
  .meta({ id: "ModelConfiguration", description: "Triton's ModelConfig as JSON." });
export const serverLive = z.object({ live: z.boolean() });
export const serverReady = z.object({ ready: z.boolean() });
export const modelReady = z.object({ name: z.string(), ready: z.boolean() });

export const oipError = z.strictObject({ error: z.string() }).meta({ id: "OipError" });
