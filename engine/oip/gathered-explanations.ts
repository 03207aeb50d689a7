/**
 * The explanations of a request's rows, as tensors beside its outputs:
 *
 *     attributions   FP64 [rows, inputs]   what each input contributes
 *     base_values    FP64 [rows]           what would be predicted if nothing were known; it and a row's attributions add up
 *     input_names    BYTES [inputs]
 *
 * Parameter `contribution_unit` says what is counted, as in POST /predict.
 */
import type { Batch } from "../batch.ts";
import { bytesOf } from "../core/elements.ts";
import type { Tensor } from "../core/tensor.ts";
import type { Explainer, InputExplanation } from "../explainer.ts";
import type { ServedModel } from "../served-model.ts";
import type { InferResponse } from "./infer-response.ts";

export class GatheredExplanations {
  readonly #names: readonly string[];
  readonly #explainer: Explainer;
  /** By row. */
  readonly #asked: Promise<InputExplanation>[] = [];

  constructor({ manifest }: ServedModel, explainer: Explainer) {
    this.#names = manifest.inputs.map(({ name }) => name);
    this.#explainer = explainer;
  }

  /** Asks for the explanation of row `row` of the request, which is row `index` of the batch. */
  take(batch: Batch, index: number, row: number, { deadlineMs }: { readonly deadlineMs: number }): void {
    const asked = this.#explainer.explain(batch, index, { deadlineMs });
    asked.catch(() => undefined); // told once all rows are there
    this.#asked[row] = asked;
  }

  /** The response with the explanations of all rows. @throws EngineError as Explainer.explain. */
  async explain(response: InferResponse): Promise<InferResponse> {
    const rows = await Promise.all(this.#asked);
    const unit = rows[0]?.unit ?? "value";
    return {
      ...response,
      parameters: { ...response.parameters, contribution_unit: unit },
      outputs: [...response.outputs, ...this.#tensors(rows)],
    };
  }

  #tensors(rows: readonly InputExplanation[]): Tensor[] {
    const width = this.#names.length;
    const attributions = new Float64Array(rows.length * width);
    for (const [row, { contributions }] of rows.entries()) attributions.set(contributions, row * width);
    const bases = Float64Array.from(rows, ({ base }) => base);
    return [
      { name: "attributions", datatype: "FP64", shape: [rows.length, width], data: bytesOf(attributions) },
      { name: "base_values", datatype: "FP64", shape: [rows.length], data: bytesOf(bases) },
      { name: "input_names", datatype: "BYTES", shape: [width], data: this.#names },
    ];
  }
}
