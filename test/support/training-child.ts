/** A training process that does what the task's specification says in `act`. */
import { say } from "../../engine/train/process-messages.ts";
import type { TrainingTask } from "../../engine/train/training-task.ts";
import { RESULT } from "./training.ts";

/** Far more than a pipe holds. */
const LARGE = new Uint8Array(32 * 1024 * 1024).fill(7);

process.on("disconnect", () => process.exit());
process.on("message", ({ spec }: TrainingTask) => void act(spec["act"]));

async function act(what: unknown): Promise<void> {
  await say({ kind: "progress", stage: "TRAINING", share: 0.5 });
  switch (what) {
    case "succeed":
      await say({ kind: "result", result: RESULT });
      return process.disconnect();
    case "succeed greatly":
      await say({
        kind: "result",
        result: { ...RESULT, model: { manifest: {}, files: new Map([["model.onnx", LARGE]]) } },
      });
      return process.disconnect();
    case "show the environment":
      await say({
        kind: "failure",
        code: "INTERNAL",
        message: Object.keys(process.env).join(" "),
        details: [],
      });
      return process.disconnect();
    case "fail":
      await say({
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
}
