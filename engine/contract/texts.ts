/**
 * Texts and numbers that answers have in common.
 */
import { z } from "zod";
import { MODEL_NAME, MODEL_VERSION } from "../core/names.ts";

/** ISO 8601, UTC. */
export const time = z.iso.datetime().meta({ id: "Time", description: "ISO 8601, UTC" });
/** Of models, feature sets, rules and objectives. */
export const name = z.string().regex(MODEL_NAME).meta({ id: "Name" });
export const version = z
  .string()
  .regex(MODEL_VERSION)
  .meta({ id: "Version", description: "a semantic version" });
export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ id: "Sha256", description: "a digest in hex" });
export const count = z.int().min(0);
/** 0 to 1. */
export const share = z.number().min(0).max(1);
export const jsonObject = z.record(z.string(), z.unknown());
