/**
 * Answers the rows that asked for an explanation: their prediction is made and logged like any other; then, in a thread of its own,
 * the explanation, and both leave together.
 *
 *     answer → copy of the row → pool.explain → top features → the answer's JSON, extended → send
 *
 * A prediction is never lost for its explanation: what goes wrong stands in the answer as `explanation_error`. It is in the log already,
 * and asked for again it would be there twice. Bounds: EXPLAIN_MS_MAX and the row's own deadline; the thread's queue.
 */
import type { WorkerPool } from "../workers/pool.ts";
import type { Batch, Row } from "./batch.ts";
import { toEngineError } from "./core/errors.ts";
import { ExplainedInputs } from "./explained-inputs.ts";
import type { ServedModel } from "./served-model.ts";

/** Features in an answer that asks for no number of them. */
export const TOP_FEATURES_DEFAULT = 5;
const EXPLAIN_MS_MAX = 5_000;

export class Explainer {
  readonly #pool: Pick<WorkerPool, "explain">;
  readonly #inputs = new WeakMap<ServedModel, ExplainedInputs>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(pool: Pick<WorkerPool, "explain">) {
    this.#pool = pool;
  }

  /**
   * Calls `send` with `json`, the prediction of row `index`, and its explanation beside it.
   * @param top how many features, those that contribute most.
   */
  answer(
    batch: Batch,
    index: number,
    { row, top, json }: { readonly row: Row; readonly top: number; readonly json: string },
    send: (json: string) => void,
  ): void {
    // all that is read of the batch is read now: it is another batch's memory soon
    const told = this.#explained(batch, index, row, top).then((members) =>
      send(`${json.slice(0, -1)},${members}}`),
    );
    this.#underWay.add(told);
    const forget = (): void => void this.#underWay.delete(told);
    told.then(forget, forget);
  }

  /** Resolves when all answers that wait for an explanation have left. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /** The members of an answer that tell the explanation, or why there is none. */
  async #explained(batch: Batch, index: number, { deadlineMs }: Row, top: number): Promise<string> {
    try {
      const { model, features, raw, texts, outputs } = batch;
      const inputs = this.#inputsOf(model);
      const { players, playerCount } = inputs;
      const { plan, inputWidth, outputWidth } = model;
      const row = Float32Array.from(features.subarray(index * inputWidth, (index + 1) * inputWidth));
      const answer = Float32Array.from(outputs.subarray(index * outputWidth, (index + 1) * outputWidth));
      const values = inputs.valuesOf(
        raw.subarray(index * plan.width, (index + 1) * plan.width),
        texts.slice(index * plan.texts, (index + 1) * plan.texts),
      );
      const leftMs = Math.min(deadlineMs - performance.now(), EXPLAIN_MS_MAX);
      const output = model.explainedOutput(outputs, index * outputWidth);
      const asked = { row, answer, output, players, playerCount, deadlineMs: Date.now() + leftMs };
      const { unit, base, contributions } = await this.#pool.explain(model.key, asked);
      const sums = inputs.toInputs(contributions);
      const order = [...sums.keys()].sort(
        (a, b) => Math.abs(sums[b] as number) - Math.abs(sums[a] as number) || a - b,
      );
      const features_ = order.slice(0, top).map((input) => ({
        name: model.manifest.inputs[input]?.name,
        value: values[input],
        contribution: sums[input],
      }));
      return membersOf({ top_features: features_, base_value: base, contribution_unit: unit });
    } catch (error) {
      const { code, message } = toEngineError(error);
      return membersOf({ explanation_error: { code, message } });
    }
  }

  #inputsOf(model: ServedModel): ExplainedInputs {
    const known = this.#inputs.get(model);
    if (known !== undefined) return known;
    const inputs = new ExplainedInputs(model.manifest);
    this.#inputs.set(model, inputs);
    return inputs;
  }
}

/** An object's JSON without its braces. */
function membersOf(object: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(object).slice(1, -1);
}
