/** What is known of a trial once it is over: a list of these is a search's whole state, and its checkpoint. JSON as it goes on the wire. */
import type { ParameterValue } from "../../../engine/core/training-search.ts";

export type Direction = "minimize" | "maximize";

export type TrialParameters = Readonly<Record<string, ParameterValue>>;

/** How a trial ended. PRUNED: given up, since it went worse than others at the same iteration. */
export type TrialOutcome =
  | { readonly state: "COMPLETE"; readonly value: number }
  | { readonly state: "PRUNED" }
  | { readonly state: "FAILED"; readonly reason: string };

/** The loss at one of the iterations that pruning looks at. */
export interface SeenLoss {
  readonly iteration: number;
  readonly loss: number;
}

export interface FinishedTrial {
  /** From 0, in the order in which they were asked for. */
  readonly trial: number;
  readonly parameters: TrialParameters;
  readonly state: TrialOutcome["state"];
  /** Of complete trials only. */
  readonly value: number | null;
  /** Of failed ones. */
  readonly reason: string | null;
  readonly losses: readonly SeenLoss[];
}
