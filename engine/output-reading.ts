// hot path
/**
 * The reading of one output row of a model: score, class and confidence (see Prediction for their meaning).
 */
import { type ModelManifest, outputWidth } from "./core/manifest.ts";

const THRESHOLD_DEFAULT = 0.5;

export class OutputReading {
  /** Floats per row that the model gives back. */
  readonly outputWidth: number;
  readonly classes: readonly string[];
  /** Score from which on the last of two classes is predicted. */
  readonly threshold: number;

  constructor(manifest: ModelManifest) {
    this.outputWidth = outputWidth(manifest);
    this.classes = manifest.classes ?? [];
    this.threshold = manifest.threshold ?? THRESHOLD_DEFAULT;
  }

  /** Index of the predicted class of an output row, or -1 for a regression. */
  predictedClass(outputs: Float32Array, offset: number): number {
    if (this.classes.length === 0) return -1;
    if (this.classes.length === 2) return this.positive(outputs, offset) >= this.threshold ? 1 : 0;
    let best = 0;
    for (let index = 1; index < this.classes.length; index++) {
      if ((outputs[offset + index] as number) > (outputs[offset + best] as number)) best = index;
    }
    return best;
  }

  /** Probability of the last of two classes. */
  positive(outputs: Float32Array, offset: number): number {
    return outputs[offset + this.outputWidth - 1] as number;
  }

  /** Probability of class `index`. */
  probability(outputs: Float32Array, offset: number, index: number): number {
    if (this.outputWidth > 1) return outputs[offset + index] as number;
    const positive = outputs[offset] as number;
    return index === 1 ? positive : Math.fround(1 - positive);
  }

  /** Which number of an output row an explanation is about: the one that `value` gives. */
  explainedOutput(outputs: Float32Array, offset: number): number {
    return this.classes.length > 2 ? this.predictedClass(outputs, offset) : this.outputWidth - 1;
  }

  /** The `predicted_value` of an output row. */
  value(outputs: Float32Array, offset: number): number {
    if (this.classes.length === 0) return outputs[offset] as number;
    if (this.classes.length === 2) return this.positive(outputs, offset);
    return outputs[offset + this.predictedClass(outputs, offset)] as number;
  }
}
