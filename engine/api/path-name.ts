/**
 * The name in a path such as /models/:name, of a model or a feature set.
 */
import type { HttpRequest } from "uWebSockets.js";
import { z } from "zod";
import { EngineError } from "../core/errors.ts";
import { MODEL_NAME } from "../core/names.ts";

/** Parameters of paths as they are described. */
export const namePath = z.string().regex(MODEL_NAME);
export const uuidPath = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  .meta({ format: "uuid" });

/** The path's first parameter, or undefined when it can be no name. */
export function nameIn(req: HttpRequest): string | undefined {
  const text = textIn(req, 0);
  return MODEL_NAME.test(text) ? text : undefined;
}

/** @throws EngineError MODEL_NOT_FOUND for what can be no model's name. */
export function modelNameIn(req: HttpRequest): string {
  const name = nameIn(req);
  if (name !== undefined) return name;
  throw new EngineError("MODEL_NOT_FOUND", "there is no model of that name; see GET /models");
}

/** A parameter of the path. What is no percent-encoded UTF-8 is returned as it is: then it is no name either. */
export function textIn(req: HttpRequest, index: number): string {
  const text = req.getParameter(index) ?? "";
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
