/**
 * JSON of the Open Inference Protocol's extensions for those who run models: the repository, and statistics. Fields of requests that
 * these do not name are ignored.
 */
import { z } from "zod";
import { count } from "./texts.ts";

const PARAMETERS_MAX = 64;

export const repositoryIndexRequest = z
  .object({ ready: z.boolean().optional().describe("only what this engine serves") })
  .meta({ id: "RepositoryIndexRequest" });

const repositoryEntry = z
  .object({
    name: z.string(),
    version: z.string(),
    state: z.enum(["READY", "UNAVAILABLE"]),
    reason: z.string().describe("why it is unavailable, or empty"),
  })
  .meta({ id: "RepositoryEntry" });
export const repositoryIndex = z.array(repositoryEntry).meta({ id: "RepositoryIndex" });
export type RepositoryEntry = Readonly<z.infer<typeof repositoryEntry>>;

/** Which ones an action takes, it checks itself. */
const repositoryParameters = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .refine(
    (values) => Object.keys(values).length <= PARAMETERS_MAX,
    `must have at most ${PARAMETERS_MAX} parameters`,
  )
  .meta({ maxProperties: PARAMETERS_MAX });

export const loadRequest = z
  .object({
    parameters: repositoryParameters
      .optional()
      .describe("version: the one to load; unless named, the one unloaded last, else the newest"),
  })
  .meta({ id: "RepositoryLoadRequest" });
export const unloadRequest = z
  .object({ parameters: repositoryParameters.optional().describe("unload_dependents: nothing depends") })
  .meta({ id: "RepositoryUnloadRequest" });
export const repositoryChanged = z.strictObject({});

const duration = z
  .object({ count, ns: count })
  .meta({ id: "DurationStatistic", description: "how often, and how long in all" });

const batchStatistic = z
  .object({
    batch_size: count,
    compute_input: duration,
    compute_infer: duration,
    compute_output: duration,
  })
  .meta({ id: "BatchStatistic" });

const modelStatistic = z
  .object({
    name: z.string(),
    version: z.string(),
    last_inference: count.describe("ms since 1970; 0: none yet"),
    inference_count: count.describe("rows"),
    execution_count: count.describe("batches"),
    inference_stats: z.object({
      success: duration,
      fail: duration,
      queue: duration,
      compute_input: duration,
      compute_infer: duration,
      compute_output: duration,
      cache_hit: duration,
      cache_miss: duration,
    }),
    response_stats: z.strictObject({}),
    batch_stats: z.array(batchStatistic),
    memory_usage: z.array(z.never()),
  })
  .meta({ id: "ModelStatistic" });
export const modelStatistics = z
  .object({ model_stats: z.array(modelStatistic) })
  .meta({ id: "ModelStatistics" });

export type DurationStatistic = Readonly<z.infer<typeof duration>>;
export type BatchStatistic = Readonly<z.infer<typeof batchStatistic>>;
export type ModelStatistic = Readonly<z.infer<typeof modelStatistic>>;
