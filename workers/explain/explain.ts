/**
 * The thread that explains, apart from those that predict: entry point of its piscina worker. Holds how the latest MODELS_MAX models
 * are explained; one that cannot be is remembered as that.
 */
import { messageOf, toEngineError } from "../../engine/core/errors.ts";
import { createExplainer } from "./create-explainer.ts";
import type { ExplainResult, ExplainTask } from "./explain-messages.ts";
import type { Explainer } from "./explanation.ts";
import { checkDeadline } from "./score-explainers.ts";

const MODELS_MAX = 4;
/** The one that was asked for last is the last. */
const models = new Map<string, Explainer | Extract<ExplainResult, { kind: "failed" }>>();

/** Runs one task. Never throws: a failure is a result. */
export async function runTask(task: ExplainTask): Promise<ExplainResult> {
  const found = models.get(task.key);
  if (task.kind === "load") return found === undefined ? load(task) : { kind: "done" };
  if (found === undefined) return { kind: "not loaded" };
  models.delete(task.key);
  models.set(task.key, found);
  if ("kind" in found) return found;
  try {
    checkDeadline(task.row.deadlineMs);
    return { kind: "done", explanation: await found.explain(task.row) };
  } catch (error) {
    return failed(error);
  }
}

async function load({ key, artifact }: Extract<ExplainTask, { kind: "load" }>): Promise<ExplainResult> {
  models.set(key, await createExplainer(artifact).catch(failed));
  for (const [oldest, explainer] of models) {
    if (models.size <= MODELS_MAX) break;
    models.delete(oldest);
    if (!("kind" in explainer)) await explainer.close();
  }
  return { kind: "done" };
}

function failed(error: unknown): Extract<ExplainResult, { kind: "failed" }> {
  const { code, message, cause } = toEngineError(error);
  return { kind: "failed", code, message: code === "INTERNAL" ? messageOf(cause).slice(0, 500) : message };
}
