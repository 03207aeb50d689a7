/**
 * How a model in training is validated: which rows it learns from, which ones stop and choose it, which ones judge it.
 *
 *     all rows ─┬─ test         judges the finished model, once; nothing is chosen by it
 *               └─ the rest ─┬─ validation   stops training early
 *                            ├─ training
 *                            └─ folds        of k_fold and time_series: the rest cut up again, to choose hyperparameters by
 *
 * By hash (holdout, k_fold) a row's part follows from its group alone: its entity, else its prediction, else its number in the
 * file. No seed moves it, so a row that was kept from one model is kept from its successors too. By time (time_series,
 * out_of_time) later rows judge what earlier ones taught. What makes the parts: engine/train/data/splits.
 */
import { z } from "zod";
import { durationText } from "./duration.ts";

/** Share of all rows that judge the model. */
const testShare = z.number().min(0.05).max(0.5).default(0.2);
/** Share of the other rows that stop training early; 0: none. */
const validationShare = z.number().min(0).max(0.5).default(0.1);
const folds = z.int().min(2).max(20).default(5);
/** Rows this close before the first row of a later part belong to no part: their labels may know of it. */
const embargo = durationText("1s", "365d").optional();

export const trainingValidation = z.discriminatedUnion("method", [
  /** Parts by hash. */
  z.strictObject({
    method: z.literal("holdout"),
    test_share: testShare,
    validation_share: validationShare,
  }),
  /** Parts by hash, and each of the folds in turn is validated on by a model of the others (scikit-learn's GroupKFold, by hash). */
  z.strictObject({
    method: z.literal("k_fold"),
    folds,
    test_share: testShare,
    validation_share: validationShare,
  }),
  /** Parts by time; fold n learns from the first n of folds + 1 equal stretches and validates on the next (TimeSeriesSplit). */
  z.strictObject({
    method: z.literal("time_series"),
    folds,
    test_share: testShare,
    validation_share: validationShare,
    embargo,
  }),
  /** Parts by time. */
  z.strictObject({
    method: z.literal("out_of_time"),
    test_share: testShare,
    validation_share: validationShare,
    embargo,
  }),
]);

export type TrainingValidation = z.infer<typeof trainingValidation>;
