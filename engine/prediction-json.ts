// hot path
/**
 * One answered row as the JSON that every transport sends. Written by hand: field order is fixed, most of it is the
 * same for all rows of a batch, and nothing here can hold an object.
 */
import type { Batch } from "./batch.ts";
import { uuidText } from "./core/uuid.ts";

const PLAIN = /^[\w.:@/+-]*$/;

/** The JSON text of a Prediction. */
export function toPredictionJson(
  batch: Batch,
  index: number,
  requestId: string,
  entityId: string,
  arrivedMs: number,
): string {
  const { model, naming, outputs } = batch;
  const offset = index * model.outputWidth;
  const id = uuidText(batch.ids, index * 16);
  const { name, version } = model.manifest;
  let json = `{"prediction_id":"${id}","request_id":${requestId === "" ? `"${id}"` : quoted(requestId)},"model_name":"${name}","model_version":"${version}"`;
  if (naming.variant !== "") json += `,"variant":"${naming.variant}"`;
  if (entityId !== "") json += `,"entity_id":${quoted(entityId)}`;
  json += `,"predicted_value":${model.value(outputs, offset)}`;
  if (model.classes.length > 0) json += classJson(batch, offset);
  const served = batch.served[index];
  if (served !== undefined && served.status.size > 0)
    json += `,"feature_status":${JSON.stringify(Object.fromEntries(served.status))}`;
  const latencyMs = Math.round((batch.finishedMs - arrivedMs) * 1000) / 1000;
  return `${json},"latency_ms":${latencyMs},"prediction_date":"${batch.dateText}"}`;
}

function classJson({ model, outputs }: Batch, offset: number): string {
  const { classes } = model;
  const best = model.predictedClass(outputs, offset);
  let json = `,"predicted_class":${model.classesJson[best]},"probabilities":[`;
  for (let label = 0; label < classes.length; label++) {
    json +=
      label === 0
        ? model.probability(outputs, offset, label)
        : `,${model.probability(outputs, offset, label)}`;
  }
  return `${json}],"confidence":${model.probability(outputs, offset, best)}`;
}

/** A JSON string; JSON.stringify only where there is something to escape. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
