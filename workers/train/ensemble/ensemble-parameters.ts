/** What is told to ENSEMBLE: its members with their own parameters, and how they are combined. */
import { z } from "zod";
import type { ErrorDetail } from "../../../engine/core/errors.ts";
import { invalidBy } from "../../../engine/core/schema-details.ts";
import { type LinearParameters, linearParameters } from "../linear/linear-parameters.ts";

const MEMBERS_MAX = 20;

export interface EnsembleParameters {
  readonly method: "weighted" | "stacking";
  readonly members: readonly {
    readonly model_type: string;
    readonly parameters: Readonly<Record<string, unknown>>;
  }[];
  readonly folds: number;
  readonly final_estimator: LinearParameters;
}

/** @param known parameters of the types that may be members. */
export function ensembleParameters(
  known: Readonly<Record<string, z.ZodType>>,
): z.ZodType<EnsembleParameters> {
  const member = z
    .strictObject({
      model_type: z.string().max(64),
      parameters: z.record(z.string().max(64), z.unknown()).default({}),
    })
    .superRefine(({ model_type, parameters }, context) => {
      const own = Object.hasOwn(known, model_type) ? known[model_type] : undefined;
      if (own === undefined) {
        const message = `"${model_type}" cannot be a member: an ensemble is one ONNX graph, of ${Object.keys(known).join(", ")}`;
        context.addIssue({ code: "custom", path: ["model_type"], message });
        return;
      }
      for (const { field, message } of problemsOf(own, parameters))
        context.addIssue({ code: "custom", path: ["parameters", ...field.split(".")], message });
    });
  return z.strictObject({
    /** weighted: mean of the members, by greedy selection. stacking: a linear model over what they predict. */
    method: z.enum(["weighted", "stacking"]).default("weighted"),
    members: z
      .array(member)
      .min(1)
      .max(MEMBERS_MAX)
      .prefault(() => Object.keys(known).map((model_type) => ({ model_type }))),
    /** Parts of the training rows, each predicted by members that have learned from the others. */
    folds: z.int().min(2).max(20).default(5),
    /** Parameters of the linear model of stacking. */
    final_estimator: linearParameters.prefault({}),
  });
}

function problemsOf(own: z.ZodType, parameters: unknown): readonly ErrorDetail[] {
  const { error } = own.safeParse(parameters);
  return error === undefined ? [] : invalidBy(error, "parameters").details;
}
