/**
 * Answers the rows that asked for an explanation: their prediction is made and logged like any other; then, in a thread of its own,
 * the explanation, and both leave together.
 *
 *     answer → copy of the row → pool.explain → top features → the answer's JSON, extended → send
 *
 * A prediction is never lost for its explanation: what goes wrong stands in the answer as `explanation_error`. It is in the log already,
 * and asked for again it would be there twice. Bounds: EXPLAIN_MS_MAX and the row's own deadline; the thread's queue.
 */
import type { ExplainedRow, Explanation } from "../workers/explain/explanation.ts";
import type { WorkerPool } from "../workers/pool.ts";
import type { Batch, Row } from "./batch.ts";
import { toEngineError } from "./core/errors.ts";
import type { Logger } from "./core/log.ts";
import { ExplainedInputs } from "./explained-inputs.ts";
import type { ServedModel } from "./served-model.ts";

/** Features in an answer that asks for no number of them. */
export const TOP_FEATURES_DEFAULT = 5;
const EXPLAIN_MS_MAX = 5_000;

/** An explanation by the model's inputs, in the order of its manifest. */
export interface InputExplanation extends Pick<Explanation, "unit" | "base"> {
  readonly contributions: Float64Array;
}

export class Explainer {
  readonly #pool: Pick<WorkerPool, "explain">;
  readonly #logger: Pick<Logger, "error">;
  readonly #inputs = new WeakMap<ServedModel, ExplainedInputs>();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(pool: Pick<WorkerPool, "explain">, logger: Pick<Logger, "error">) {
    this.#pool = pool;
    this.#logger = logger;
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
    this.#await(told);
  }

  /** Until then the engine does not stop. */
  #await(told: Promise<unknown>): void {
    this.#underWay.add(told);
    const forget = (): void => void this.#underWay.delete(told);
    told.then(forget, forget);
  }

  /** Resolves when all answers that wait for an explanation have left. */
  async drain(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  /**
   * The whole explanation of row `index`; what it reads of the batch it reads before it returns.
   * @throws EngineError DEADLINE_EXCEEDED, QUEUE_FULL, INFERENCE_FAILED, WORKER_FAILED.
   */
  async explain(batch: Batch, index: number, row: Pick<Row, "deadlineMs">): Promise<InputExplanation> {
    const inputs = this.#inputsOf(batch.model);
    const question = questionOf(batch, index, row, inputs);
    const asked = this.#pool.explain(batch.model.key, question);
    this.#await(asked);
    const { unit, base, contributions } = await asked;
    return { unit, base, contributions: inputs.toInputs(contributions) };
  }

  /** The members of an answer that tell the explanation, or why there is none. */
  async #explained(batch: Batch, index: number, row: Row, top: number): Promise<string> {
    try {
      const inputs = this.#inputsOf(batch.model);
      const values = inputs.valuesOf(...rawRowOf(batch, index));
      const { unit, base, contributions } = await this.explain(batch, index, row);
      const top_features = topFeatures(inputs, contributions, top).map(({ input, name, contribution }) => ({
        name,
        value: values[input],
        contribution,
      }));
      return membersOf({ top_features, base_value: base, contribution_unit: unit });
    } catch (error) {
      const { code, message, meaning } = toEngineError(error);
      if (meaning.level === "error")
        this.#logger.error({ err: error, model: batch.model.key }, "explanation failed");
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

/** A copy of the row: the batch's memory is shared, and another's soon. */
function questionOf(
  batch: Batch,
  index: number,
  { deadlineMs }: Pick<Row, "deadlineMs">,
  inputs: ExplainedInputs,
): ExplainedRow {
  const { features, outputs, model } = batch;
  const { inputWidth, outputWidth } = model;
  const { players, playerCount } = inputs;
  const leftMs = Math.min(deadlineMs - performance.now(), EXPLAIN_MS_MAX);
  return {
    row: Float32Array.from(features.subarray(index * inputWidth, (index + 1) * inputWidth)),
    answer: Float32Array.from(outputs.subarray(index * outputWidth, (index + 1) * outputWidth)),
    output: model.explainedOutput(outputs, index * outputWidth),
    players,
    playerCount,
    deadlineMs: Date.now() + leftMs,
  };
}

/** Its numbers and its texts. */
function rawRowOf({ raw, texts, model: { plan } }: Batch, index: number): [Float32Array, readonly string[]] {
  return [
    raw.subarray(index * plan.width, (index + 1) * plan.width),
    texts.slice(index * plan.texts, (index + 1) * plan.texts),
  ];
}

/** Those that contribute most, first; of equal ones those that the manifest names first. */
function topFeatures(inputs: ExplainedInputs, contributions: Float64Array, top: number) {
  return [...contributions]
    .map((contribution, input) => ({ input, name: inputs.names[input], contribution }))
    .sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution) || a.input - b.input)
    .slice(0, top);
}

/** An object's JSON without its braces. */
function membersOf(object: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(object).slice(1, -1);
}
