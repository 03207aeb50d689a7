/**
 * What `millrace models compare` does, loaded when it is asked for: two models on the same labelled rows of a file, metric by metric, with paired tests.
 *
 *     a folder, or name@version of a running engine → model files → the runtimes that serve → predictions of both → comparison
 *
 * Rows are read as training reads them; each model takes its own inputs by name.
 */
import { readModelFolder } from "../storage/model-folder.ts";
import type { ModelArtifact } from "../workers/runtime.ts";
import { readFileRows } from "./app-training-rows.ts";
import { loadModel } from "./app-training-tools.ts";
import { comparisonLines } from "./cli-comparison-table.ts";
import { callEngine, fetchBytes } from "./cli-http.ts";
import { parseManifest } from "./core/manifest.ts";
import { invalidBy } from "./core/schema-details.ts";
import { type FileData, trainingData } from "./core/training-data.ts";
import { rowsFor } from "./train/compared-rows.ts";
import { taskOf } from "./train/data/training-table.ts";
import { compareModels } from "./train/gate/model-comparison.ts";
import { candidateOf, judged, slicesOf, timesPerRow } from "./train/judged-model.ts";

export interface CompareOptions {
  readonly url: string;
  readonly file: string;
  readonly label: string;
  readonly timeColumn?: string;
  readonly json?: boolean;
}

const MODEL_ID = /^([a-z][a-z0-9_-]*)@([^/]+)$/;

export async function compare(a: string, b: string, options: CompareOptions): Promise<void> {
  const [first, second] = [await readModel(a, options.url), await readModel(b, options.url)];
  const { table } = await readFileRows(dataOf(options), first.manifest);
  const models = [];
  for (const artifact of [first, second])
    models.push(await judged(loadModel, artifact, rowsFor(artifact.manifest, table)));
  const times = await timesPerRow(models);
  const [one, other] = models.map((model, at) => candidateOf(model, times[at] as number));
  await Promise.all(models.map(async ({ model }) => model.close()));
  if (one === undefined) return;
  const { targets, timesMs } = table;
  const rows = {
    task: taskOf(table),
    targets,
    slices: slicesOf(table),
    ...(timesMs === undefined ? {} : { times: timesMs }),
  };
  const comparison = compareModels(rows, one, other);
  console.log(
    options.json === true ? JSON.stringify(comparison, null, 2) : comparisonLines(comparison).join("\n"),
  );
}

async function readModel(reference: string, url: string): Promise<ModelArtifact> {
  const [, name, version] = MODEL_ID.exec(reference) ?? [];
  if (name === undefined || version === undefined) return readModelFolder(reference);
  const path = `/api/v1/models/artifacts/${encodeURIComponent(reference)}`;
  const { manifest, files } = (await callEngine(url, "GET", path)) as {
    readonly manifest: unknown;
    readonly files: readonly { readonly path: string }[];
  };
  const read = new Map<string, Uint8Array>();
  for (const file of files)
    read.set(file.path, await fetchBytes(url, `${path}?file=${encodeURIComponent(file.path)}`));
  return { manifest: parseManifest(manifest), files: read };
}

function dataOf({ file, label, timeColumn }: CompareOptions): FileData {
  const asked = {
    source: "file",
    path: file,
    label_column: label,
    ...(timeColumn === undefined ? {} : { time_column: timeColumn }),
  };
  const data = trainingData.safeParse(asked);
  if (!data.success) throw invalidBy(data.error, "options");
  return data.data as FileData;
}
