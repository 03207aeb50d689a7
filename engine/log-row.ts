// hot path
/**
 * One row of the prediction log, in RowBinary, in the order of LOG_COLUMNS.
 *
 * Raw values, as they were before preprocessing: numbers as Array(Float32) in the model's order, categories, texts and
 * timestamps as strings, so that what was served can be read back exactly, by people and by training. Missing: NaN, "".
 */
import type { Batch, Row } from "./batch.ts";
import { sourceCode } from "./core/prediction.ts";
import type { RowBinaryWriter } from "./core/row-binary.ts";
import type { ServedFeatures } from "./features/served-features.ts";
import { writeLoggedTensors } from "./logged-tensors.ts";

const FIXED_BYTES = 128;
const STRING_BYTES_MAX = 3 * 1024;
const ENTITY_BYTES_MAX = 1024;

/** Appends row `index` of `batch`, behind its length. The outputs and times of the batch must be set. `loggedMs` is the block's time. */
export function writeLogRow(
  writer: RowBinaryWriter,
  batch: Batch,
  index: number,
  row: Row,
  loggedMs: number,
): void {
  const { model } = batch;
  writer.reserve(FIXED_BYTES + STRING_BYTES_MAX + 4 * (model.plan.width + model.classes.length));
  const start = writer.length;
  writer.uint32(0);
  writer.uint64(0);
  writer.uint64(0);
  writer.uint64(loggedMs);
  writer.uint8(sourceCode(row.source));
  writer.uuid(batch.ids, index * 16);
  if (row.requestId === "") writer.uuidText(batch.ids, index * 16);
  else writer.string(row.requestId);
  writer.raw(batch.naming.logName);
  writer.string(row.entityId);
  writeOutput(writer, batch, index);
  writeFeatures(writer, batch, index);
  writer.reserve(FIXED_BYTES);
  writer.float32(batch.finishedMs - row.arrivedMs);
  writer.float32(batch.startedMs - row.arrivedMs);
  writer.float32(batch.inferenceMs);
  writer.uint16(Math.min(batch.count, 65_535));
  writer.uint64(batch.dateMs);
  writeServed(writer, batch.served[index]);
  writer.uint32At(start, writer.length - start - 4);
}

/** When, of which entities and with which defaults features were looked up; nothing of that for most models. */
function writeServed(writer: RowBinaryWriter, served: ServedFeatures | undefined): void {
  writer.uint64(served?.asOfMs ?? 0);
  writer.varint(served?.entities.length ?? 0);
  for (const { type, id, seq } of served?.entities ?? []) {
    writer.reserve(FIXED_BYTES + ENTITY_BYTES_MAX);
    writer.string(type);
    writer.string(id);
    writer.uint64(seq);
  }
  writer.varint(served?.status.size ?? 0);
  if (served === undefined) return;
  for (const [name, status] of served.status) {
    writer.reserve(FIXED_BYTES + ENTITY_BYTES_MAX);
    writer.string(name);
    writer.string(status);
  }
}

function writeOutput(writer: RowBinaryWriter, batch: Batch, index: number): void {
  const { model, outputs } = batch;
  const offset = index * model.outputWidth;
  writer.float32(model.value(outputs, offset));
  const { classes } = model;
  if (classes.length === 0) {
    writer.string("");
    writer.uint8(0);
    return;
  }
  writer.raw(model.logClasses[model.predictedClass(outputs, offset)] as Buffer);
  writer.varint(classes.length);
  writer.reserve(FIXED_BYTES + 4 * classes.length);
  for (let label = 0; label < classes.length; label++)
    writer.float32(model.probability(outputs, offset, label));
}

function writeFeatures(writer: RowBinaryWriter, { model, raw, rawBytes, texts }: Batch, index: number): void {
  const { width } = model.plan;
  if (model.tensorPlan !== undefined)
    return writeLoggedTensors(writer, model.tensorPlan.layout, rawBytes, texts, index);
  const offset = index * width;
  writer.reserve(FIXED_BYTES + 4 * width);
  writer.varint(model.numbers);
  if (model.numbers === width) {
    writer.raw(rawBytes, offset * 4, (offset + width) * 4);
    writer.uint8(0);
    return;
  }
  for (let column = 0; column < width; column++) {
    if (model.categories[column] === undefined) writer.float32(raw[offset + column] as number);
  }
  writer.varint(width - model.numbers);
  let text = index * model.plan.texts;
  for (let column = 0; column < width; column++) {
    const categories = model.categories[column];
    if (categories === undefined) continue;
    if (categories.length === 0) writer.string(texts[text++] as string);
    else writer.string(categories[raw[offset + column] as number] ?? "");
  }
}
