/** What is told to LINEAR, in the names of scikit-learn. */
import { z } from "zod";

export const linearParameters = z.strictObject({
  /** Classifiers: how little coefficients are drawn to zero; 1 unless given. */
  C: z.number().positive().max(1e12).optional(),
  /** Regressions: how much coefficients are drawn to zero; 1 unless given. */
  alpha: z.number().positive().max(1e12).optional(),
  fit_intercept: z.boolean().default(true),
  /** Iterations of L-BFGS at most. */
  max_iter: z.int().min(1).max(100_000).default(1000),
  /** L-BFGS ends when no element of the gradient of the mean loss (by scaled coefficient) is larger. */
  tol: z.number().positive().max(1).default(1e-7),
});

export type LinearParameters = z.infer<typeof linearParameters>;
