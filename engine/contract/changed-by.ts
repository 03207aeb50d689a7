/**
 * Who asks for a change of the registry, and why, as bodies say it. Nobody checks who it is.
 */
import { z } from "zod";
import { type ChangedBy, REASON_LENGTH_MAX } from "../core/deployment.ts";

const NAME_LENGTH_MAX = 128;

/** Fields of a body. */
export const changedBy = {
  requested_by: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
  reason: z.string().min(1).max(REASON_LENGTH_MAX).optional(),
};

interface Reasoned {
  readonly requested_by?: string | undefined;
  readonly reason?: string | undefined;
}

export function byOf({ requested_by = "rest", reason = "" }: Reasoned): ChangedBy {
  return { requestedBy: requested_by, reason };
}
