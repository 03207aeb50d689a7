/**
 * What names may look like: those of models, feature sets, entity types, versions and features.
 */
import { z } from "zod";

/** Model names are subject tokens and file names: no dot, star, angle bracket, slash or space. */
export const MODEL_NAME = /^[a-z][a-z0-9_-]{0,62}$/;
/** Semantic version 2.0.0 without build metadata (KV keys do not allow `+`). */
export const MODEL_VERSION =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;
/** Feature names become view columns and JSON keys. */
const FEATURE_NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,127}$/;
const RESERVED_FEATURES = new Set(Object.getOwnPropertyNames(Object.prototype));

/** A name that JSON keys, view columns and JavaScript objects can bear. */
export const featureName = z
  .string()
  .regex(FEATURE_NAME, "a letter, then letters, digits, _ . - (at most 128)")
  .refine(
    (name) => !RESERVED_FEATURES.has(name),
    "is a reserved word of JavaScript objects: choose another name",
  );
