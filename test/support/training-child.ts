/** A training process that does what the task's specification says in `act`. */
import type { ProcessMessage, TrainingTask } from "../../engine/train/training-task.ts";
import { RESULT } from "./training.ts";

const say = (message: ProcessMessage): void => void process.send?.(message);

process.on("disconnect", () => process.exit());
process.on("message", ({ spec }: TrainingTask) => {
  say({ kind: "progress", stage: "TRAINING", share: 0.5 });
  switch (spec["act"]) {
    case "succeed":
      say({ kind: "result", result: RESULT });
      return process.disconnect();
    case "fail":
      say({
        kind: "failure",
        code: "INVALID_REQUEST",
        message: "no rows",
        details: [{ field: "data", message: "no rows" }],
      });
      return process.disconnect();
    case "die":
      return process.exit(7);
    case "hoard": {
      const hoard: Uint8Array[] = [];
      setInterval(() => hoard.push(new Uint8Array(32 * 1024 * 1024).fill(1)), 5);
      return;
    }
    case "fill the heap": {
      const texts: string[][] = [];
      for (;;) texts.push(Array.from({ length: 1000 }, (_, at) => `${texts.length} ${at}`));
    }
    default:
      setInterval(() => undefined, 1000); // for ever
  }
});
