/**
 * The training process: gets a task, runs it, says what came of it, and ends. Started by the trainer (training-process).
 */
import { openClickHouse } from "../storage/clickhouse.ts";
import { type Fits, openFits } from "./app-fits.ts";
import { endWithParent } from "./app-parent-watch.ts";
import { QUERY_TIMEOUT_MS, readJobRows } from "./app-training-rows.ts";
import { createTrainingTools } from "./app-training-tools.ts";
import { toEngineError } from "./core/errors.ts";
import { say } from "./train/process-messages.ts";
import { runTraining } from "./train/run-training.ts";
import type { TrainingTask } from "./train/training-task.ts";

async function run(task: TrainingTask): Promise<void> {
  const clickhouse = openClickHouse(task.clickhouseUrl, QUERY_TIMEOUT_MS);
  let fits: Fits | undefined;
  try {
    fits = await openFits(task);
    const tools = createTrainingTools(
      async (spec, champion) => readJobRows(task, clickhouse, spec, champion),
      fits.trainers,
    );
    const { result } = await runTraining(task, tools, (news) => void say(news));
    await say({ kind: "result", result });
  } catch (error) {
    const { code, message, details, cause } = toEngineError(error);
    if (code === "INTERNAL") console.error(cause ?? error);
    await say({ kind: "failure", code, message, details });
  } finally {
    await fits?.close();
    await clickhouse.close();
    process.disconnect();
  }
}

endWithParent();
process.on("disconnect", () => process.exit());
process.once("message", (task: TrainingTask) => void run(task));
