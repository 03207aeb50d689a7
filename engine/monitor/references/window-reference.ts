/**
 * The reference of a model version from its own predictions in a window of the past.
 */
import type { ReferenceQuestion } from "../../../storage/reference-rows.ts";
import { EngineError } from "../../core/errors.ts";
import type { ModelManifest } from "../../core/manifest.ts";
import type { ReferenceSource } from "../../core/reference-source.ts";
import type { LabelledRows } from "../performance/labelled-rows.ts";
import { loggedColumns } from "./logged-columns.ts";
import type { ColumnValues } from "./reference-builder.ts";
import { buildReference, referenceRowsMax } from "./reference-content.ts";
import type { ReferenceContent } from "./reference-document.ts";

export interface WindowReferenceJob {
  readonly manifest: ModelManifest;
  /** Of prediction_date, ms since 1970: [from, to). */
  readonly fromMs: number;
  readonly toMs: number;
  readonly bins?: number | undefined;
}

export interface WindowReference {
  readonly content: ReferenceContent;
  readonly source: ReferenceSource;
}

export interface LabelledWindow {
  readonly manifest: ModelManifest;
  readonly fromMs: number;
  readonly toMs: number;
  readonly rowsMax: number;
}

/** The labelled predictions of a version in a window; undefined, or no rows, if there are none. */
export type ReadLabelledRows = (window: LabelledWindow) => Promise<LabelledRows | undefined>;

interface Sources {
  readonly readRows: (question: ReferenceQuestion) => Promise<{
    readonly rows: number;
    readonly total: number;
    readonly values: ReadonlyMap<string, ColumnValues>;
  }>;
  /** Without it a reference has neither metrics nor an estimator. */
  readonly readLabelledRows?: ReadLabelledRows | undefined;
}

/** @throws EngineError INVALID_REQUEST when there are too few predictions, SERVICE_UNAVAILABLE. */
export async function buildWindowReference(
  { manifest, fromMs, toMs, bins }: WindowReferenceJob,
  { readRows, readLabelledRows }: Sources,
): Promise<WindowReference> {
  const columns = loggedColumns(manifest);
  const { name: model, version } = manifest;
  const rowsMax = referenceRowsMax(columns.length);
  const from = new Date(fromMs).toISOString();
  const to = new Date(toMs).toISOString();
  const { rows, total, values } = await readRows({ model, version, fromMs, toMs, columns, rowsMax });
  if (rows === 0) {
    const message = `has no predictions of ${model}@${version} from ${from} to ${to}`;
    throw new EngineError("INVALID_REQUEST", `the window ${message}`, {
      details: [{ field: "window", message }],
    });
  }
  const labelled = await readLabelledRows?.({ manifest, fromMs, toMs, rowsMax });
  const content = buildReference(manifest, { values, labelled }, bins === undefined ? {} : { bins });
  const source: ReferenceSource = {
    kind: "window",
    from,
    to,
    rows,
    labelled_rows: labelled?.labels.length ?? 0,
    ...(total > rows ? { sampled_from: total } : {}),
  };
  return { content, source };
}
