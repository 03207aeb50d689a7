/**
 * Makes the reference of a model version from its predictions in a window, in a thread of its own: reading and sorting a
 * million rows would hold up predictions for seconds.
 *
 *     data plane → worker thread: job → rows out of ClickHouse → what the reference says, or why there is none → exit
 *
 * Bound: referenceRowsMax rows; whoever calls has one thread at a time.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { openClickHouse } from "../storage/clickhouse.ts";
import { readLabelledRows } from "../storage/labelled-rows.ts";
import { readReferenceRows } from "../storage/reference-rows.ts";
import { EngineError, type ErrorCode, type ErrorDetail } from "./core/errors.ts";
import { usableRows } from "./monitor/usable-rows.ts";
import type { WindowReference, WindowReferenceJob } from "./monitor/window-reference.ts";
import { buildWindowReference } from "./monitor/window-reference.ts";

const QUERY_TIMEOUT_MS = 300_000;

interface ThreadData {
  readonly clickhouseUrl: string;
  readonly database: string;
  readonly job: WindowReferenceJob;
}

/** An error as it passes between threads: of a class of its own only message and stack would arrive. */
interface ThreadError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: readonly ErrorDetail[];
}

type ThreadAnswer = { readonly built: WindowReference } | { readonly error: ThreadError };

/** @throws EngineError INVALID_REQUEST, SERVICE_UNAVAILABLE, INTERNAL. */
export async function buildInThread(data: ThreadData): Promise<WindowReference> {
  const thread = new Worker(fileURLToPath(import.meta.url), { workerData: data });
  const [answer] = (await once(thread, "message")) as [ThreadAnswer];
  if ("built" in answer) return answer.built;
  const { code, message, details } = answer.error;
  throw new EngineError(code, message, { details });
}

async function runThread({ clickhouseUrl, database, job }: ThreadData): Promise<void> {
  const client = openClickHouse(clickhouseUrl, QUERY_TIMEOUT_MS);
  let answer: ThreadAnswer;
  try {
    const built = await buildWindowReference(job, {
      readRows: async (question) => readReferenceRows(client, database, question),
      readLabelledRows: async ({ manifest, fromMs, toMs, rowsMax }) => {
        const { name: model, version, classes = [] } = manifest;
        const question = { model, version, fromMs, toMs, classes, slices: [], rowsMax };
        return usableRows(manifest, await readLabelledRows(client, database, question)).rows;
      },
    });
    answer = { built };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error; // ends the thread; the cause goes into the data plane's log
    const { code, message, details } = error;
    answer = { error: { code, message, details } };
  }
  await client.close();
  parentPort?.postMessage(answer);
}

if (!isMainThread) await runThread(workerData as ThreadData);
