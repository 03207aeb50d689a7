/**
 * Explains a model by its own answers, whatever it is: loads it in a runtime of its own and asks it about rows that are in part the
 * row's and in part the background's.
 *
 * The same row has the same explanation: orders come from a seed. Bound: about ROWS_MAX rows an explanation: fewer orders, then a
 * smaller part of the background for models of many inputs.
 */
import { EngineError } from "../../engine/core/errors.ts";
import { outputWidth } from "../../engine/core/manifest.ts";
import { SeededRandom } from "../../engine/core/seeded-random.ts";
import type { LoadedModel, ModelArtifact } from "../runtime.ts";
import { runtimeOf } from "../runtimes.ts";
import type { ExplainedRow, Explainer, Explanation } from "./explanation.ts";
import { permutationShap } from "./permutation-shap.ts";

/** As many as shap draws. */
const ORDERS_MAX = 10;
const ROWS_MAX = 200_000;
const SEED = 20;

export async function permutationExplainer(
  artifact: ModelArtifact,
  background: readonly Float32Array[],
): Promise<Explainer> {
  const runtime = await runtimeOf(artifact.manifest.runtime);
  const model = await runtime.load(artifact);
  const width = outputWidth(artifact.manifest);
  const answers = await answersOf(model, background, width);
  const explain = async (asked: ExplainedRow): Promise<Explanation> => {
    const { orders, rows } = effortFor(asked.playerCount, background.length);
    const base =
      answers.slice(0, rows).reduce((sum, answer) => sum + (answer[asked.output] as number), 0) / rows;
    const contributions = await permutationShap({
      asked,
      background: background.slice(0, rows),
      base,
      orders: drawOrders(asked.playerCount, orders),
      width,
      predict: async (features, count, outputs) => model.predict(features, count, outputs),
    });
    if (!contributions.every(Number.isFinite))
      throw new EngineError(
        "INFERENCE_FAILED",
        "the model gives no finite answers for rows that are in part the background's",
      );
    return { unit: artifact.manifest.classes === undefined ? "value" : "probability", base, contributions };
  };
  return { explain, close: async () => model.close() };
}

async function answersOf(
  model: LoadedModel,
  rows: readonly Float32Array[],
  width: number,
): Promise<Float32Array[]> {
  const features = new Float32Array(rows.length * (rows[0]?.length ?? 0));
  for (const [at, row] of rows.entries()) features.set(row, at * row.length);
  const outputs = new Float32Array(rows.length * width);
  await model.predict(features, rows.length, outputs);
  return rows.map((_, at) => outputs.slice(at * width, (at + 1) * width));
}

/** Orders, and rows of the background. */
function effortFor(players: number, background: number): { readonly orders: number; readonly rows: number } {
  const rows = Math.min(background, Math.max(1, Math.floor(ROWS_MAX / (2 * players))));
  return { rows, orders: Math.min(ORDERS_MAX, Math.max(1, Math.floor(ROWS_MAX / (2 * players * rows)))) };
}

function drawOrders(players: number, count: number): Uint32Array[] {
  const random = new SeededRandom(SEED);
  const order = Uint32Array.from({ length: players }, (_, player) => player);
  return Array.from({ length: count }, () => {
    random.shuffle(order);
    return order.slice();
  });
}
