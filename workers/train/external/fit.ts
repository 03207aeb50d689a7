/**
 * What an external trainer does for the one of a model type: the fit alone. Rows go out, an ONNX file comes back.
 */
import type { ExternalType } from "../../../engine/core/fit-task.ts";
import type { TrainingColumn, TrainingTask } from "../../../engine/core/training-set.ts";
import type { ExportedModel, Iteration } from "../trainer.ts";

/** Files of NumPy's format. */
export interface FitRows {
  readonly rows: number;
  readonly features: Uint8Array;
  readonly targets: Uint8Array;
  readonly weights?: Uint8Array;
}

export interface FitQuestion {
  readonly type: ExternalType;
  readonly task: TrainingTask;
  readonly columns: readonly Omit<TrainingColumn, "values">[];
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly seed: number;
  readonly training: FitRows;
  readonly validation?: FitRows;
}

/** Not checked yet, but for its digest. */
export interface Fitted extends Pick<ExportedModel, "inputTensor" | "output"> {
  readonly onnx: Uint8Array;
  readonly iterations: number;
  /** One a column. */
  readonly importances?: readonly number[];
}

/**
 * @param onIteration hears each iteration once, in order; "stop" asks for the model as it is then.
 * @throws EngineError TRAINING_FAILED when the trainer fails or breaks the protocol; SERVICE_UNAVAILABLE when none takes the fit;
 * WORKER_FAILED when the one that took it falls silent.
 */
export type Fit = (
  question: FitQuestion,
  onIteration: (iteration: Iteration) => "continue" | "stop",
) => Promise<Fitted>;
