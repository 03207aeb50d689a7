/** What is told to GRADIENT_BOOSTING, in the names of LightGBM. */
import { z } from "zod";
import { BINS_MAX } from "./column-bins.ts";

const fraction = z.number().positive().max(1).default(1);

export const gradientBoostingParameters = z.strictObject({
  n_estimators: z.int().min(1).max(10_000).default(100),
  learning_rate: z.number().positive().max(10).default(0.1),
  num_leaves: z.int().min(2).max(4096).default(31),
  /** -1 for any depth. */
  max_depth: z.union([z.literal(-1), z.int().min(1).max(64)]).default(-1),
  min_data_in_leaf: z.int().min(1).max(1_000_000_000).default(20),
  min_sum_hessian_in_leaf: z.number().min(0).max(1e12).default(1e-3),
  lambda_l2: z.number().min(0).max(1e12).default(0),
  min_gain_to_split: z.number().min(0).max(1e12).default(0),
  /** Columns drawn for each tree, as a share. */
  feature_fraction: fraction,
  /** Rows drawn for each bagging_freq iterations, as a share. */
  bagging_fraction: fraction,
  /** 0 for no bagging. */
  bagging_freq: z.int().min(0).max(10_000).default(0),
  max_bin: z.int().min(2).max(BINS_MAX).default(BINS_MAX),
  /** Where there are validation rows: ends when the loss on them has not fallen for so many iterations, and keeps the best; 0 for never. */
  early_stopping_rounds: z.int().min(0).max(10_000).default(50),
  /** By column: 1 when predictions may only rise with it, -1 only fall. */
  monotone_constraints: z
    .record(z.string(), z.union([z.literal(-1), z.literal(0), z.literal(1)]))
    .default({}),
  cat_smooth: z.number().min(0).max(1e9).default(10),
  cat_l2: z.number().min(0).max(1e9).default(10),
  max_cat_threshold: z.int().min(1).max(BINS_MAX).default(32),
  max_cat_to_onehot: z.int().min(1).max(BINS_MAX).default(4),
  min_data_per_group: z.int().min(1).max(1_000_000).default(100),
});

export type GradientBoostingParameters = z.infer<typeof gradientBoostingParameters>;
