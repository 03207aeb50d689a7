/** What is told to RANDOM_FOREST, in the names of scikit-learn. */
import { z } from "zod";
import { WIDE_BINS_MAX } from "./column-bins.ts";

export const randomForestParameters = z.strictObject({
  n_estimators: z.int().min(1).max(10_000).default(100),
  /** Any depth unless given. */
  max_depth: z.int().min(1).max(1000).optional(),
  min_samples_split: z.int().min(2).max(1_000_000_000).default(2),
  min_samples_leaf: z.int().min(1).max(1_000_000_000).default(1),
  /** Columns that a node looks at: a share up to 1, or a number from 2; sqrt for classes and 1 for values unless given. */
  max_features: z
    .union([z.enum(["sqrt", "log2"]), z.number().positive().max(1), z.int().min(2).max(1_000_000)])
    .optional(),
  /** Any number unless given. */
  max_leaf_nodes: z.int().min(2).max(4096).optional(),
  /** Whether each tree sees rows drawn with replacement; else all rows. */
  bootstrap: z.boolean().default(true),
  max_bin: z.int().min(2).max(WIDE_BINS_MAX).default(WIDE_BINS_MAX),
});

export type RandomForestParameters = z.infer<typeof randomForestParameters>;
