/**
 * Reads the rows of a model version's predictions and works on them in a thread of its own, since reading and sorting a
 * million would hold up predictions for seconds: makes a reference of a window, or compares two windows exactly.
 *
 *     data plane → worker thread: job → rows out of ClickHouse → reference or measures, or why there are none → exit
 *
 * Bound: referenceRowsMax rows, of each of two windows; whoever calls has one thread at a time.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { openClickHouse } from "../storage/clickhouse.ts";
import { readLabelledRows } from "../storage/labelled-rows.ts";
import {
  countReferenceRows,
  type ReferenceQuestion,
  type ReferenceScope,
  readReferenceRows,
} from "../storage/reference-rows.ts";
import { EngineError, type ErrorCode, type ErrorDetail } from "./core/errors.ts";
import { type ExactDrift, type ExactDriftJob, measureExactly } from "./monitor/drift/exact-drift.ts";
import { usableRows } from "./monitor/performance/usable-rows.ts";
import type {
  LabelledWindow,
  WindowReference,
  WindowReferenceJob,
} from "./monitor/references/window-reference.ts";
import { buildWindowReference } from "./monitor/references/window-reference.ts";

const QUERY_TIMEOUT_MS = 300_000;

/** Where the rows are. */
export interface RowsPlace {
  readonly clickhouseUrl: string;
  readonly database: string;
}

interface ThreadData extends RowsPlace {
  readonly task:
    | { readonly kind: "reference"; readonly job: WindowReferenceJob }
    | { readonly kind: "exact"; readonly job: ExactDriftJob };
}

/** An error as it passes between threads: of a class of its own only message and stack would arrive. */
interface ThreadError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

type ThreadAnswer = { readonly done: WindowReference | ExactDrift } | { readonly error: ThreadError };

/** @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE, INTERNAL. */
export async function buildInThread(place: RowsPlace, job: WindowReferenceJob): Promise<WindowReference> {
  return (await runInThread({ ...place, task: { kind: "reference", job } })) as WindowReference;
}

/** @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE, INTERNAL. */
export async function measureInThread(place: RowsPlace, job: ExactDriftJob): Promise<ExactDrift> {
  return (await runInThread({ ...place, task: { kind: "exact", job } })) as ExactDrift;
}

async function runInThread(data: ThreadData): Promise<WindowReference | ExactDrift> {
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  const [answer] = (await once(thread, "message")) as [ThreadAnswer];
  if ("done" in answer) return answer.done;
  const { code, message, details } = answer.error;
  throw new EngineError(code, message, { details });
}

async function runThread({ clickhouseUrl, database, task }: ThreadData): Promise<void> {
  const client = openClickHouse(clickhouseUrl, QUERY_TIMEOUT_MS);
  const tables = {
    countRows: async (scope: ReferenceScope) => countReferenceRows(client, database, scope),
    readRows: async (question: ReferenceQuestion) => readReferenceRows(client, database, question),
    readLabelledRows: async ({ manifest, fromMs, toMs, rowsMax }: LabelledWindow) => {
      const { name: model, version, classes = [] } = manifest;
      const question = { model, version, fromMs, toMs, classes, slices: [], rowsMax };
      return usableRows(manifest, await readLabelledRows(client, database, question)).rows;
    },
  };
  let answer: ThreadAnswer;
  try {
    const done =
      task.kind === "reference"
        ? await buildWindowReference(task.job, tables)
        : await measureExactly(task.job, tables);
    answer = { done };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error; // ends the thread; the cause goes into the data plane's log
    const { code, message, details } = error;
    answer = { error: { code, message, details } };
  }
  await client.close();
  parentPort?.postMessage(answer);
}

if (!isMainThread) await runThread(workerData as ThreadData);
