/**
 * A search for hyperparameters: what is tried, how, for how long, and when a trial that goes badly is given up.
 *
 * Names of parameters are those of the trainer, which checks each trial's as it would check a person's.
 */
import { z } from "zod";
import { durationText } from "./duration.ts";
import { invalidBy } from "./schema-details.ts";

export const TRIALS_MAX = 500;
const PARAMETERS_MAX = 32;
const CHOICES_MAX = 100;
const MAGNITUDE_MAX = 1e12;

const bound = z.number().min(-MAGNITUDE_MAX).max(MAGNITUDE_MAX);
const whole = z.int().min(-MAGNITUDE_MAX).max(MAGNITUDE_MAX);

const choice = z.union([
  z.boolean(),
  z.number(),
  z.string().min(1).max(256),
  z.array(z.number()).min(1).max(16),
]);

const float = z
  .strictObject({
    type: z.literal("float"),
    low: bound,
    high: bound,
    log: z
      .boolean()
      .default(false)
      .describe("whether its logarithm is what is spread evenly: for what spans magnitudes"),
    step: z.number().positive().max(MAGNITUDE_MAX).optional().describe("only low, low + step, … are tried"),
  })
  .refine(({ low, high }) => low <= high, { path: ["high"], message: "must be at least low" })
  .refine(({ log, low }) => !log || low > 0, { path: ["low"], message: "must be above 0 where log is true" })
  .refine(({ log, step }) => !(log && step !== undefined), {
    path: ["step"],
    message: "cannot be combined with log",
  });

const int = z
  .strictObject({
    type: z.literal("int"),
    low: whole,
    high: whole,
    log: z.boolean().default(false),
    step: z.int().min(1).max(MAGNITUDE_MAX).default(1),
  })
  .refine(({ low, high }) => low <= high, { path: ["high"], message: "must be at least low" })
  .refine(({ log, low }) => !log || low > 0, { path: ["low"], message: "must be above 0 where log is true" })
  .refine(({ log, step }) => !(log && step !== 1), {
    path: ["step"],
    message: "cannot be combined with log",
  });

const categorical = z.strictObject({
  type: z.literal("categorical"),
  choices: z
    .array(choice)
    .min(1)
    .max(CHOICES_MAX)
    .refine(
      (choices) => new Set(choices.map((one) => JSON.stringify(one))).size === choices.length,
      "names a choice twice",
    ),
});

export const searchSpace = z
  .record(
    z.string().regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "must be a parameter's name such as learning_rate"),
    z.discriminatedUnion("type", [float, int, categorical]),
  )
  .refine(
    (space) => Object.keys(space).length >= 1,
    "names no parameter: leave it out for the model type's own space",
  )
  .refine((space) => Object.keys(space).length <= PARAMETERS_MAX, `at most ${PARAMETERS_MAX} parameters`);

export type SearchSpace = z.infer<typeof searchSpace>;
export type SearchParameter = SearchSpace[string];
export type ParameterValue = z.infer<typeof choice>;

const pruning = z.discriminatedUnion("method", [
  z.strictObject({ method: z.literal("none") }),
  z
    .strictObject({
      method: z.literal("median"),
      trials_min: z
        .int()
        .min(1)
        .max(TRIALS_MAX)
        .default(5)
        .describe("complete trials before any is given up"),
      warmup_iterations: z
        .int()
        .min(0)
        .max(100_000)
        .default(10)
        .describe("iterations before which no trial is given up"),
      interval_iterations: z
        .int()
        .min(1)
        .max(10_000)
        .default(10)
        .describe("iterations from one look to the next"),
    })
    .describe(
      "a trial whose lowest loss so far is above the median of the complete trials' at the same iteration is given up",
    ),
  z
    .strictObject({
      method: z.literal("successive_halving"),
      iterations_min: z.int().min(1).max(100_000).default(10).describe("iterations that every trial gets"),
      reduction_factor: z
        .int()
        .min(2)
        .max(10)
        .default(3)
        .describe("of so many trials one goes on, to so many times the iterations"),
    })
    .describe("asynchronous successive halving, Hyperband's bracket that prunes most (Li et al. 2020)"),
]);

export type PruningSpec = z.infer<typeof pruning>;

export const trainingSearch = z.strictObject({
  method: z
    .enum(["grid", "random", "tpe"])
    .default("tpe")
    .describe(
      "tpe learns from the trials before (Bergstra et al. 2011); grid tries every combination, so floats need a step",
    ),
  space: searchSpace.optional().describe("parameters to be searched; unless told the model type's own"),
  trials_max: z
    .int()
    .min(1)
    .max(TRIALS_MAX)
    .default(30)
    .describe("trials, those given up or failed included"),
  timeout: durationText("1s", "7d")
    .default("1h")
    .describe("no trial is begun after this much time of trials; one that runs is finished"),
  metric: z
    .string()
    .regex(/^[a-z][a-z0-9_]{0,63}$/, "must be a metric's name such as roc_auc")
    .optional()
    .describe(
      "of the validation rows, the mean over the folds; which way is better follows from it. The gate's metric unless told",
    ),
  pruning: pruning
    .prefault({ method: "median" })
    .describe("looks at the loss on the validation rows of the first fold, iteration by iteration"),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0)
    .describe("the same seed asks for the same trials"),
});

export type TrainingSearch = z.infer<typeof trainingSearch>;

/**
 * A search as somebody wrote it; what is absent gets its default.
 * @throws EngineError INVALID_REQUEST with one detail per wrong or unknown field.
 */
export function parseTrainingSearch(json: unknown): TrainingSearch {
  const result = trainingSearch.safeParse(json ?? {});
  if (!result.success) throw invalidBy(result.error, "search");
  return result.data;
}
