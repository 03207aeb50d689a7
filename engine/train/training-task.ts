/**
 * What a training process is told and what it says: the messages between the trainer, which holds the job, and the process that
 * reads, trains and evaluates.
 *
 *     trainer ── task ──▶ process ── progress, data, trial, log ──▶ … ── result │ failure ──▶ trainer
 *
 * They are cloned, typed arrays and maps included. The process knows nothing of registries, and of streams that of fits only.
 */
import type { ErrorCode, ErrorDetail } from "../core/errors.ts";
import type { LabelPositions } from "../core/labelled-rows.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";
import type { TrainingLog, TrainingStage, TrainingTrial } from "../core/training-job.ts";
import type { ReferenceContent } from "../monitor/references/reference-document.ts";

/** A model folder: model.json, and the files beside it by path. */
export interface ModelFiles {
  readonly manifest: unknown;
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** What is to be learned, and what from: all that training itself reads, in a job and on the command line. */
export interface LearningTask {
  /** Of a job. */
  readonly request?: RetrainRequest;
  /** With defaults filled in; checked again by training. */
  readonly spec: Readonly<Record<string, unknown>>;
  /** What serves now: the champion, and what training may go on from. */
  readonly champion: ModelFiles | undefined;
  /** Of the champion, as the registry has it. */
  readonly championDigest: string | undefined;
  /** Number of the version to be. */
  readonly version: string;
  /** Of an earlier attempt, in their order: the search goes on behind them if it is on the same rows. */
  readonly trials: readonly TrainingTrial[];
  /** Fingerprint of the rows that these were made on. */
  readonly triedOn?: string | undefined;
}

/** The same with where its rows are. */
export interface TrainingTask extends LearningTask {
  readonly request: RetrainRequest;
  /** Manifests of all versions of the model. */
  readonly versions: readonly unknown[];
  /** Of an earlier attempt: up to where it read; so this one reads the same. */
  readonly upTo?: LabelPositions | undefined;
  readonly codeVersion: string;
  readonly clickhouseUrl: string;
  /** As a user who may only read: what a specification's query is asked as. */
  readonly analystUrl: string;
  readonly database: string;
  /** Where external trainers take fits; without it there are none. */
  readonly fits?: { readonly natsUrl: string; readonly prefix: string };
}

export interface TrainingResult {
  /** What the gate made of it (gate-verdict). */
  readonly gate: Readonly<Record<string, unknown>>;
  readonly isPassed: boolean;
  readonly metrics: Readonly<Record<string, unknown>>;
  readonly model: ModelFiles;
  /** What the new version is watched by (held-out-reference); undefined when too few rows were kept apart. */
  readonly reference: ReferenceContent | undefined;
  readonly trainingRows: number;
}

export type TrainingNews =
  | { readonly kind: "progress"; readonly stage: TrainingStage; readonly share: number }
  | { readonly kind: "data"; readonly data: Readonly<Record<string, unknown>> }
  | { readonly kind: "trial"; readonly trial: TrainingTrial }
  | { readonly kind: "log"; readonly level: TrainingLog["level"]; readonly message: string };

export type ProcessMessage =
  | TrainingNews
  | { readonly kind: "result"; readonly result: TrainingResult }
  | {
      readonly kind: "failure";
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: readonly ErrorDetail[];
    };

export type OnNews = (news: TrainingNews) => void;

/** Does the work of a task. @throws EngineError: one whose code may be tried again is, later; others end the job. */
export type Train = (task: TrainingTask, onNews: OnNews, signal: AbortSignal) => Promise<TrainingResult>;
