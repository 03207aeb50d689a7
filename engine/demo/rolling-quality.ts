/**
 * How good the latest predictions were, by the demo's own truth: ROC AUC over those whose labels are known, of all versions or of one.
 *
 * Bound: the latest ROWS_KEPT predictions.
 */
import { rocAuc } from "../monitor/performance/roc-auc.ts";
import { groupScores } from "../monitor/performance/sorted-scores.ts";

/** Six standard errors of an AUC of 0.9 are 0.1 with 1,500 rows of which 15 % are fraud, and 0.2 of which 4 % are. */
export const ROLLING_ROWS = 1_500;
const ROWS_KEPT = 10_000;

export interface LabelledPrediction {
  readonly version: string;
  /** Probability of fraud. */
  readonly score: number;
  readonly isFraud: boolean;
}

export class RollingQuality {
  #rows: LabelledPrediction[] = [];

  add(prediction: LabelledPrediction): void {
    this.#rows.push(prediction);
    if (this.#rows.length >= 2 * ROWS_KEPT) this.#rows = this.#rows.slice(-ROWS_KEPT);
  }

  /** Of the latest `rowsMax` predictions; undefined while they are fewer than `rowsMin`, or all of one class. */
  auc(
    { rowsMin, rowsMax = ROWS_KEPT }: { readonly rowsMin: number; readonly rowsMax?: number },
    isCounted: (version: string) => boolean = () => true,
  ): number | undefined {
    const rows = this.#latest(isCounted, rowsMax);
    const frauds = rows.filter(({ isFraud }) => isFraud).length;
    if (rows.length < rowsMin || frauds === 0 || frauds === rows.length) return undefined;
    const scores = Float64Array.from(rows, ({ score }) => score);
    return rocAuc(
      groupScores(
        scores,
        Uint8Array.from(rows, ({ isFraud }) => Number(isFraud)),
      ),
    );
  }

  #latest(isCounted: (version: string) => boolean, rowsMax: number): LabelledPrediction[] {
    return this.#rows.filter(({ version }) => isCounted(version)).slice(-rowsMax);
  }
}
