/**
 * Retraining as the rest of the engine sees it: monitors propose, people ask and call off, the scheduler's rounds run it.
 *
 * Everything is decided on the model's one record and written by compare-and-set, then published from there: so any number of engines
 * may do all this at once, and die at any point. Times are the caller's. Bound: per model one record, one job in flight.
 */
import { randomUUID } from "node:crypto";
import type { Changed, JobStore } from "../../storage/job-store.ts";
import { EngineError, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { cancelled, type JobRecord, jobInFlight, type RetrainJob, withExpiry } from "../core/retrain-job.ts";
import { utcText } from "../core/retrain-request.ts";
import { hasUnpublished, type OutboxQueue, publishWaiting } from "./job-outbox.ts";
import { parseRetrainPolicy, type RetrainPolicy } from "./retrain-policy.ts";
import type { OpenIncident, Proposal } from "./retrain-proposal.ts";
import { withDecision, withObserved } from "./retrain-record.ts";
import { nextTime } from "./retrain-schedule.ts";
import { type Decision, decide } from "./retrain-trigger.ts";

export interface TriggersOptions {
  readonly store: Pick<JobStore, "read" | "change" | "models">;
  readonly queue: OutboxQueue;
  readonly logger: Logger;
}

/** What a model's retraining stands at. */
export interface RetrainStatus {
  readonly policy: RetrainPolicy;
  /** The newest job, expired if its time is over; null before the first. */
  readonly job: RetrainJob | null;
  readonly record: JobRecord;
}

/** A person's wish. */
export interface ManualRequest {
  readonly reason?: string | undefined;
  readonly requestedBy: string;
  /** A training specification, checked by the caller. */
  readonly training?: Readonly<Record<string, unknown>> | undefined;
}

/** What a monitor needs of this. */
export type ProposeRetraining = Triggers["propose"];

export class Triggers {
  readonly #options: TriggersOptions;

  constructor(options: TriggersOptions) {
    this.#options = options;
  }

  /**
   * Decides on a round's findings; they may come again, and from several monitors. Call it every round, also without findings:
   * `openIncidents` are all that are open for the model now, and those of data quality hold back schedule and people too. A
   * `labels` proposal belongs into every round, so that labels are counted from the newest job on.
   * @throws EngineError INVALID_REQUEST when the evidence fits into no message; SERVICE_UNAVAILABLE when nothing was decided.
   */
  async propose(
    model: string,
    proposals: readonly Proposal[],
    openIncidents: readonly OpenIncident[],
    nowMs: number,
  ): Promise<Decision> {
    return this.#decide(model, proposals, nowMs, (record) => withObserved(record, proposals, openIncidents));
  }

  /**
   * Requests a job because a person wants it.
   * @throws EngineError CONFLICT when a job is in flight or bad data forbids it.
   */
  async request(
    model: string,
    { reason, requestedBy, training }: ManualRequest,
    nowMs: number,
  ): Promise<RetrainStatus> {
    const proposal: Proposal = {
      cause: "manual",
      requestedBy,
      windows: [],
      referenceId: null,
      ...(reason === undefined ? {} : { reason }),
      ...(training === undefined ? {} : { training }),
    };
    const decision = await this.#decide(model, [proposal], nowMs, (record) => record);
    if (decision.outcome === "requested") return this.status(model, nowMs);
    const why = "reason" in decision ? decision.reason : decision.outcome;
    const remedy =
      decision.outcome === "vetoed"
        ? "resolve them, or set data_quality_veto to false in the policy"
        : "wait for it, or cancel it";
    throw new EngineError("CONFLICT", `${model} is not retrained now: ${why}; ${remedy}`);
  }

  /**
   * Calls off the job in flight; with `jobId` only if it is that one.
   * @throws EngineError CONFLICT when there is none.
   */
  async cancel(
    model: string,
    reason: string | undefined,
    nowMs: number,
    jobId?: string,
  ): Promise<RetrainStatus> {
    await this.#options.store.change(model, (record) => {
      const job = jobInFlight(record, nowMs);
      if (job === undefined || (jobId !== undefined && job.job_id !== jobId))
        throw new EngineError("CONFLICT", `${model} has no retraining job in flight to cancel`);
      return { record: cancelled(record, nowMs, reason), result: undefined };
    });
    return this.status(model, nowMs);
  }

  /** @throws EngineError INVALID_REQUEST naming the wrong fields. */
  async applyPolicy(model: string, json: unknown, nowMs: number): Promise<RetrainPolicy> {
    const policy = parseRetrainPolicy(model, json);
    await this.#options.store.change(model, (record) => ({
      record: { ...record, policy: json, schedule: scheduleOf(policy, record, nowMs) },
      result: undefined,
    }));
    return policy;
  }

  /** How to train the model from now on: a specification that the caller has checked; undefined for none. */
  async applyTraining(model: string, training: unknown): Promise<void> {
    await this.#options.store.change(model, (record) => ({
      record: { ...record, training },
      result: undefined,
    }));
  }

  async status(model: string, nowMs: number): Promise<RetrainStatus> {
    const record = withExpiry(await this.#options.store.read(model), nowMs);
    return { policy: parseRetrainPolicy(model, record.policy), job: record.job, record };
  }

  /**
   * What time alone brings, for all models: deadlines that pass, schedules that come due, messages whose publisher died. A model
   * that fails holds up no other.
   */
  async round(nowMs: number): Promise<void> {
    const { store, logger } = this.#options;
    for (const model of await store.models()) {
      try {
        await this.#modelRound(model, nowMs);
      } catch (error) {
        logger.warn({ model, err: messageOf(error) }, "retraining could not be looked after, trying again");
      }
    }
  }

  async #modelRound(model: string, nowMs: number): Promise<void> {
    const { store, queue } = this.#options;
    const record = await store.read(model);
    if (withExpiry(record, nowMs) !== record)
      await store.change(model, (latest) => ({ record: withExpiry(latest, nowMs), result: undefined }));
    if (record.schedule !== null && nowMs >= Date.parse(record.schedule.next_at))
      await this.#scheduled(model, nowMs);
    else if (hasUnpublished(record)) await publishWaiting(model, store, queue);
  }

  /**
   * One job for the times that have come since the last look, however many. A job in flight serves for them; what else holds it
   * back puts it off.
   */
  async #scheduled(model: string, nowMs: number): Promise<void> {
    await this.#changeAndPublish(model, (record) => {
      const policy = parseRetrainPolicy(model, record.policy);
      const { schedule } = record;
      if (schedule === null || nowMs < Date.parse(schedule.next_at)) return { record, result: undefined };
      const { expression, time_zone, next_at } = schedule;
      const numbers = { expression, time_zone };
      const dueMs = Date.parse(next_at);
      const proposals: readonly Proposal[] = [
        { cause: "schedule", dueMs, numbers, windows: [], referenceId: null },
      ];
      const situation = { model, policy, record, proposals, nowMs, manualJobId: "" };
      const decision = decide(situation);
      const next = withDecision(record, model, decision, proposals, nowMs);
      const isServed = ["requested", "in_flight", "duplicate", "disabled"].includes(decision.outcome);
      if (!isServed) return { record: next, result: undefined };
      const advanced = scheduleOf(policy, { ...next, schedule: null }, nowMs);
      return { record: { ...next, schedule: advanced }, result: undefined };
    });
  }

  async #decide(
    model: string,
    proposals: readonly Proposal[],
    nowMs: number,
    observe: (record: JobRecord) => JobRecord,
  ): Promise<Decision> {
    const manualJobId = randomUUID();
    return this.#changeAndPublish(model, (before) => {
      const record = observe(before);
      const policy = parseRetrainPolicy(model, record.policy);
      const decision = decide({ model, policy, record, proposals, nowMs, manualJobId });
      return { record: withDecision(record, model, decision, proposals, nowMs), result: decision };
    });
  }

  /** What cannot be published now is published by a later round: it is in the record. */
  async #changeAndPublish<T>(model: string, change: (record: JobRecord) => Changed<T>): Promise<T> {
    const { store, queue, logger } = this.#options;
    let isWaiting = false;
    const result = await store.change(model, (record) => {
      const changed = change(record);
      isWaiting = hasUnpublished(changed.record);
      return changed;
    });
    if (!isWaiting) return result;
    try {
      await publishWaiting(model, store, queue);
    } catch (error) {
      logger.warn({ model, err: messageOf(error) }, "a retraining job waits to be published");
    }
    return result;
  }
}

/** When the schedule comes next: as it was if it is the same schedule, so that applying a policy again skips nothing. */
function scheduleOf(
  policy: RetrainPolicy,
  { schedule: before }: JobRecord,
  nowMs: number,
): JobRecord["schedule"] {
  const { schedule } = policy;
  if (schedule?.enabled !== true) return null;
  const { expression, time_zone } = schedule;
  if (before?.expression === expression && before.time_zone === time_zone) return before;
  const nextMs = nextTime(schedule, nowMs);
  return nextMs === undefined ? null : { expression, time_zone, next_at: utcText(nextMs) };
}
