/**
 * A training table of what a model was served and later labelled with: source `labelled`.
 *
 *     spec, versions → period, positions → counts → rows → table, with what the lineage says of it
 *
 * Point-in-time by itself: features are those that were served, labels those that had arrived by as_of. The table is read up to
 * positions of both streams; asked again with the same ones (and as_of), it is the same to the last bit.
 */
import type { ServedRows } from "../../../storage/served-row-reader.ts";
import type { ServedCounts, ServedQuestion, ServedScope } from "../../../storage/served-rows.ts";
import { toCanonicalJson } from "../../core/canonical-json.ts";
import { type EngineError, fieldInvalid } from "../../core/errors.ts";
import type { LabelPositions } from "../../core/labelled-rows.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import type { ModelInput } from "../../core/model-input.ts";
import { utcText } from "../../core/retrain-request.ts";
import { type LabelledData, type LabelledPeriod, periodOf } from "../../core/training-data.ts";
import type { TrainingSource } from "../../core/training-lineage.ts";
import { selectColumns, selectedInputs } from "./feature-selection.ts";
import { unknownName } from "./nearest-name.ts";
import { type DataNote, rowsAt, type TrainingTable } from "./training-table.ts";

/** Values in memory at most, over all rows and inputs. */
export const VALUES_MAX = 64_000_000;

/** The tables, as storage/served-rows and changed-label-hours read them. */
export interface ServedTables {
  readPositions(model: string): Promise<LabelPositions>;
  count(scope: ServedScope): Promise<ServedCounts>;
  read(question: ServedQuestion, labelled: number): Promise<ServedRows>;
}

export interface LabelledJob {
  readonly data: LabelledData;
  /** The version that the model is trained like: its inputs and classes. */
  readonly manifest: ModelManifest;
  /** All versions of the model. */
  readonly versions: readonly ModelManifest[];
  /** When the job began, ms since 1970: as_of, unless the data say another. */
  readonly nowMs: number;
  /** Of the run that is repeated; where the tables end now unless given. */
  readonly upTo?: LabelPositions | undefined;
}

export interface SourcedTable {
  readonly table: TrainingTable;
  readonly source: TrainingSource;
  readonly notes: readonly DataNote[];
}

/**
 * @throws EngineError INVALID_REQUEST naming the field: unknown features or versions, versions of other inputs, or a period without
 * labelled predictions (saying what there is); SERVICE_UNAVAILABLE, PAYLOAD_TOO_LARGE.
 */
export async function labelledTable(job: LabelledJob, tables: ServedTables): Promise<SourcedTable> {
  const { data, manifest, nowMs } = job;
  const inputs = selectedInputs(manifest.inputs, data.features);
  const versions = versionsOf(job);
  const period = periodOf(data, nowMs);
  const upTo = job.upTo ?? (await tables.readPositions(manifest.name));
  const scope = { model: manifest.name, versions, ...period, upTo };
  const counts = await tables.count(scope);
  if (counts.labelled === 0) throw nothingThere(data, scope, counts);
  const rowsMax = Math.min(data.rows_max, Math.floor(VALUES_MAX / manifest.inputs.length));
  const question = { ...scope, inputs: manifest.inputs, classes: manifest.classes ?? [], rowsMax };
  const rows = await tables.read(question, counts.labelled);
  const { table, strange } = toTable(manifest, rows);
  const drawn = counts.labelled - rowsMax;
  const notes: DataNote[] = [
    ...(strange === 0 ? [] : [{ field: "label", message: strangeLabels(strange, manifest) }]),
    ...(drawn <= 0
      ? []
      : [{ field: "rows_max", message: `${rowsMax} of ${counts.labelled} labelled predictions were drawn` }]),
  ];
  if (table.raw.count === 0) throw nothingThere(data, scope, counts);
  return {
    table: selectColumns(table, inputs),
    notes,
    source: {
      source: "labelled",
      model_name: manifest.name,
      versions,
      from: utcText(period.fromMs),
      to: utcText(period.toMs),
      as_of: utcText(period.asOfMs),
      positions: upTo,
      predictions: counts.predictions,
      labelled: counts.labelled,
    },
  };
}

/** What decides how logged values are read; limits, defaults and descriptions may differ. */
function readingOf(inputs: readonly ModelInput[]): string {
  return toCanonicalJson(
    inputs.map((input) => ({
      name: input.name,
      type: input.type,
      ...(input.type === "category" ? { categories: input.categories } : {}),
    })),
  );
}

/** In the order in which they are given. */
function versionsOf({ data, manifest, versions }: LabelledJob): string[] {
  const reading = readingOf(manifest.inputs);
  const isSame = ({ inputs }: ModelManifest): boolean => readingOf(inputs) === reading;
  if (data.versions === "same_inputs") return versions.filter(isSame).map(({ version }) => version);
  const known = versions.map(({ version }) => version);
  return data.versions.map((wanted, at) => {
    const found = versions.find(({ version }) => version === wanted);
    const problem =
      found === undefined
        ? unknownName(wanted, known)
        : isSame(found)
          ? undefined
          : `${wanted} was served other inputs than ${manifest.version}: leave it out`;
    if (problem === undefined) return wanted;
    throw fieldInvalid(`versions.${at}`, problem);
  });
}

/** Without rows whose label is no class or no number. */
function toTable(
  { inputs, classes }: ModelManifest,
  { raw, labels, timesMs, groups }: ServedRows,
): { readonly table: TrainingTable; readonly strange: number } {
  const usable = Uint32Array.from(labels.keys()).filter((row) => Number.isFinite(labels[row]));
  const all: TrainingTable = { inputs, raw, targets: labels, timesMs, groups };
  const table = usable.length === raw.count ? all : rowsAt(all, usable);
  return {
    table: classes === undefined ? table : { ...table, classes },
    strange: raw.count - usable.length,
  };
}

function nothingThere(
  { label_maturity, window }: LabelledData,
  { model, versions, fromMs, toMs, asOfMs }: ServedScope & LabelledPeriod,
  { predictions, ever, firstMs, lastMs }: ServedCounts,
): EngineError {
  const period = toMs <= fromMs ? "the period is empty" : `from ${utcText(fromMs)} to ${utcText(toMs)}`;
  const there =
    ever === 0
      ? "it has none at all"
      : `its ${ever} predictions are from ${utcText(firstMs)} to ${utcText(lastMs)}`;
  const young =
    label_maturity === undefined
      ? ""
      : `; predictions later than ${utcText(toMs)} are left out, being younger than label_maturity ${label_maturity} at ${utcText(asOfMs)}`;
  const message =
    `there is nothing to train on: ${model} (${versions.join(", ") || "no version"}), ${period}, has ${predictions} predictions and ` +
    `0 of them have a usable label by ${utcText(asOfMs)}; ${there}${young}. Send labels, or take another period`;
  return fieldInvalid(window === undefined ? "from" : "window", message);
}

function strangeLabels(count: number, { classes }: ModelManifest): string {
  const what =
    classes === undefined ? "are no numbers" : `are none of the classes ${classes.slice(0, 20).join(", ")}`;
  return `${count} labels ${what}: their rows are left out`;
}
