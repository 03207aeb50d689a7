/**
 * How an engine is.
 */
import { z } from "zod";

const components = z.record(z.string(), z.enum(["up", "down", "absent"]));
const health = {
  status: z.enum(["ok", "degraded", "starting", "stopping"]),
  ready: z.boolean(),
  components,
};

export const healthAnswer = z.strictObject(health).meta({ id: "Health" });
export type HealthAnswer = z.infer<typeof healthAnswer>;

export const cardAnswer = z
  .strictObject({
    name: z.literal("millrace"),
    version: z.string(),
    addresses: z.record(z.string(), z.string()).describe("in use, without credentials"),
    ...health,
    models: z.array(
      z.strictObject({
        name: z.string(),
        version: z.string(),
        aliases: z.array(z.string()),
        runtime: z.string(),
        description: z.string().optional(),
      }),
    ),
    endpoints: z.array(z.string()),
  })
  .meta({ id: "Card" });
export type CardAnswer = z.infer<typeof cardAnswer>;
