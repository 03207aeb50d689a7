// hot path
/**
 * How rows of a tensor model are written into a batch's memory: bytes as they are. Their number and datatypes were checked with
 * the request (oip/input-rows).
 */
import { EngineError } from "./core/errors.ts";
import type { Tensor, TensorSpec } from "./core/tensor.ts";
import { layTensors, type TensorLayout } from "./core/tensor-layout.ts";
import { type RowPlan, RowSource } from "./row-source.ts";

export class TensorPlan implements RowPlan {
  readonly layout: TensorLayout;
  readonly width: number;
  readonly texts: number;

  constructor(inputs: readonly TensorSpec[]) {
    this.layout = layTensors(inputs);
    this.width = this.layout.width;
    this.texts = this.layout.texts;
  }

  write(): EngineError {
    const message = "are not what this model takes: it takes tensors, at POST /v2/models/{name}/infer";
    return new EngineError("INVALID_FEATURES", `features ${message}`, {
      details: [{ field: "features", message }],
    });
  }
}

/** Rows of tensors in the layout's order, one after the other: `row` says which is written. */
export class TensorRows extends RowSource {
  readonly #plan: TensorPlan;
  readonly #tensors: readonly Tensor[];
  row = 0;

  constructor(plan: TensorPlan, tensors: readonly Tensor[]) {
    super();
    this.#plan = plan;
    this.#tensors = tensors;
  }

  write(_: RowPlan, floats: Float32Array, offset: number, texts: string[], textOffset: number): undefined {
    const bytes = new Uint8Array(floats.buffer, floats.byteOffset + offset * 4, this.#plan.width * 4);
    this.#plan.layout.tensors.forEach((laid, index) => {
      const data = this.#tensors[index]?.data ?? [];
      const at = this.row * laid.elements;
      if (data instanceof Uint8Array) {
        const start = this.row * laid.bytes;
        bytes.set(data.subarray(start, start + laid.bytes), laid.offset);
      } else
        for (let element = 0; element < laid.elements; element++)
          texts[textOffset + laid.offset + element] = data[at + element] as string;
    });
  }

  parse(): unknown {
    return {};
  }
}
