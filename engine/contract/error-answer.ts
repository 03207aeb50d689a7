/**
 * The body of every error, and texts that bodies have in common.
 */
import { z } from "zod";
import { ERRORS, type ErrorCode } from "../core/errors.ts";

export const errorAnswer = z
  .strictObject({
    error: z.strictObject({
      code: z.enum(Object.keys(ERRORS) as [ErrorCode]),
      message: z.string(),
      /** One per wrong field, in words that say how to mend it. */
      details: z.array(z.strictObject({ field: z.string(), message: z.string() })),
    }),
  })
  .meta({ id: "Error", description: "Every error of the engine: what to do is in the message." });
export type ErrorAnswer = z.infer<typeof errorAnswer>;
