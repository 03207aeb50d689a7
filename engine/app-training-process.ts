/**
 * The training process: gets a task, runs it, says what came of it, and ends. Started by the trainer (training-process).
 */
import { openClickHouse } from "../storage/clickhouse.ts";
import { type Fits, openFits } from "./app-fits.ts";
import { endWithParent } from "./app-parent-watch.ts";
import { createTrainingTools } from "./app-training-tools.ts";
import { toEngineError } from "./core/errors.ts";
import { runTraining } from "./train/run-training.ts";
import type { ProcessMessage, TrainingTask } from "./train/training-task.ts";

/** A query of all rows to train on. */
const QUERY_TIMEOUT_MS = 600_000;

function say(message: ProcessMessage): void {
  process.send?.(message);
}

async function run(task: TrainingTask): Promise<void> {
  const clickhouse = openClickHouse(task.clickhouseUrl, QUERY_TIMEOUT_MS);
  let fits: Fits | undefined;
  try {
    fits = await openFits(task);
    const tools = createTrainingTools(clickhouse, task.database, fits.trainers);
    const result = await runTraining(task, tools, say);
    say({ kind: "result", result });
  } catch (error) {
    const { code, message, details, cause } = toEngineError(error);
    if (code === "INTERNAL") console.error(cause ?? error);
    say({ kind: "failure", code, message, details });
  } finally {
    await fits?.close();
    await clickhouse.close();
    process.disconnect();
  }
}

endWithParent();
process.on("disconnect", () => process.exit());
process.once("message", (task: TrainingTask) => void run(task));
