/**
 * What is answered of the reference of a model version.
 */
import { z } from "zod";
import { referenceSource } from "../core/reference-source.ts";
import { referenceContent } from "../monitor/references/reference-document.ts";
import { name, sha256, time, version } from "./texts.ts";

const head = { model_name: name, model_version: version };
const record = {
  reference_id: sha256,
  digest: sha256,
  source: referenceSource,
  created_at: time,
  previous: z.array(sha256).describe("ids of the references before, newest first"),
};

export const referenceRecordAnswer = z.strictObject({ ...head, ...record }).meta({ id: "ReferenceRecord" });
export type ReferenceRecordAnswer = z.infer<typeof referenceRecordAnswer>;

export const referenceAnswer = z
  .strictObject({ ...head, ...record, ...referenceContent.shape })
  .meta({ id: "Reference" });
export type ReferenceAnswer = z.infer<typeof referenceAnswer>;
