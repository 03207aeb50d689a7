// hot path
/**
 * ModelInferRequest and ModelInferResponse as the engine has them.
 *
 * A request has all its tensors in raw_input_contents or all of them in contents. Its answer has all of them in
 * raw_output_contents, unless it says `binary_data_output` = false and every output has a form in contents. The bounds are
 * those of a request over HTTP.
 */

import { inferRequest } from "../contract/open-inference.ts";
import { EngineError } from "../core/errors.ts";
import { invalidBy } from "../core/schema-details.ts";
import type { Tensor, TensorSpec } from "../core/tensor.ts";
import { dataInvalid, fromTensorBytes, toTensorBytes } from "../core/tensor-bytes.ts";
import { checkTensors } from "../oip/infer-head.ts";
import type { InferRequest } from "../oip/infer-request.ts";
import type { InferResponse } from "../oip/infer-response.ts";
import { fromParameters, toParameters } from "./infer-parameters.ts";
import type { InferRequestMessage, InferResponseMessage, InputMessage } from "./messages.ts";
import { fromContents, hasContents, toContents } from "./tensor-contents.ts";

/** @throws EngineError INVALID_REQUEST naming what is wrong. */
export function fromInferMessage(message: InferRequestMessage): InferRequest {
  const { id, parameters, inputs, outputs } = checkHead(message);
  const raw = message.raw_input_contents;
  if (raw.length > 0) checkRaw(message);
  const tensors = inputs.map(({ name, datatype, shape }, index): Tensor => {
    const spec: TensorSpec = { name, datatype, shape };
    const bytes = raw[index];
    const { contents } = message.inputs[index] as InputMessage;
    const data = bytes === undefined ? fromContents(spec, contents) : fromTensorBytes(spec, bytes);
    return { ...spec, data };
  });
  const isBinary = parameters["binary_data_output"] !== false;
  return {
    id,
    parameters,
    inputs: tensors,
    outputs: outputs.length === 0 ? undefined : outputs.map(({ name }) => ({ name, isBinary })),
    isBinary,
  };
}

/** All but the tensors' elements. */
function checkHead(message: InferRequestMessage) {
  const result = inferRequest.safeParse({
    id: message.id,
    parameters: fromParameters(message.parameters, "parameters"),
    inputs: message.inputs.map(({ name, datatype, shape, parameters }, index) => ({
      name,
      datatype,
      shape: shape.map(Number),
      parameters: fromParameters(parameters, `inputs.${index}.parameters`),
    })),
    outputs: message.outputs.map(({ name, parameters }, index) => ({
      name,
      parameters: fromParameters(parameters, `outputs.${index}.parameters`),
    })),
  });
  if (!result.success) throw invalidBy(result.error, "request");
  const { id, parameters, inputs, outputs } = result.data;
  checkTensors(inputs, outputs ?? undefined);
  return { id: id ?? "", parameters: parameters ?? {}, inputs, outputs: outputs ?? [] };
}

function checkRaw({ inputs, raw_input_contents: raw }: InferRequestMessage): void {
  if (raw.length !== inputs.length) {
    const message = `has ${raw.length} tensors; there are ${inputs.length} inputs, and each needs one`;
    throw new EngineError("INVALID_REQUEST", `raw_input_contents ${message}`, {
      details: [{ field: "raw_input_contents", message }],
    });
  }
  for (const { name, contents } of inputs)
    if (contents !== null && Object.values(contents).some((values: readonly unknown[]) => values.length > 0))
      throw dataInvalid(name, "is there twice: contents must be empty when there are raw_input_contents");
}

/** @param isBinary as the request has it. */
export function toInferMessage(response: InferResponse, isBinary: boolean): InferResponseMessage {
  const { model_name, model_version, id, parameters, outputs } = response;
  const head = { model_name, model_version, id, parameters: toParameters(parameters) };
  if (isBinary || !outputs.every(({ datatype }) => hasContents(datatype)))
    return {
      ...head,
      outputs: outputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
      raw_output_contents: outputs.map(toTensorBytes),
    };
  return {
    ...head,
    outputs: outputs.map(({ name, datatype, shape, data }) => ({
      name,
      datatype,
      shape,
      contents: toContents({ datatype, data }),
    })),
  };
}
