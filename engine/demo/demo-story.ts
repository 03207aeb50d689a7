/**
 * What the demo has seen happen, in order: events of the engine and stages of the training job, as lines for people, and when the
 * steps of the loop were reached.
 *
 *     drift injected ─▶ drift found ─▶ retraining requested ─▶ job started ─▶ gate passed ─▶ deployed ─▶ quality recovered
 *
 * Each step counts once, the first time after the injection. Events come at least once, so repeats are known by their ids.
 */
import type { AuditEntry } from "../core/audit-entry.ts";
import type { RetrainRequest } from "../core/retrain-request.ts";
import type { TrainingJob } from "../core/training-job.ts";

export const STEPS = [
  "drift found",
  "retraining requested",
  "job started",
  "gate passed",
  "deployed",
  "quality recovered",
] as const;
export type Step = (typeof STEPS)[number];

export interface HeardEvent {
  readonly kind: string;
  /** Of its message. */
  readonly id: string;
  readonly body: unknown;
}

/** Times in milliseconds since 1970. */
export class DemoStory {
  readonly #heard = new Set<string>();
  readonly #reached = new Map<Step, number>();
  readonly lines: string[] = [];
  injectedMs: number | undefined;
  /** Largest first: the columns of the incident of drift. */
  psi: readonly (readonly [column: string, psi: number])[] = [];
  /** Of the retraining that was requested. */
  jobId: string | undefined;
  isJobOver = false;
  /** Of the job under way. */
  stage = "";
  #isJudged = false;

  /** Milliseconds from the injection to each step that was reached. */
  get steps(): ReadonlyMap<Step, number> {
    const fromMs = this.injectedMs ?? 0;
    return new Map([...this.#reached].map(([step, atMs]) => [step, atMs - fromMs]));
  }

  has(step: Step): boolean {
    return this.#reached.has(step);
  }

  inject(atMs: number): void {
    this.injectedMs = atMs;
    this.tell(atMs, "the payments change: a drift is injected");
  }

  /** A step that the demo itself finds. */
  reach(step: Step, atMs: number): void {
    if (this.injectedMs !== undefined && !this.#reached.has(step)) this.#reached.set(step, atMs);
  }

  tell(atMs: number, text: string): void {
    const { injectedMs } = this;
    const since = injectedMs === undefined ? "" : `+${((atMs - injectedMs) / 1000).toFixed(1)} s`;
    this.lines.push(`${new Date(atMs).toISOString().slice(11, 19)} ${since.padStart(8)}  ${text}`);
  }

  hear({ kind, id, body }: HeardEvent, atMs: number): void {
    if (id !== "" && this.#heard.has(id)) return;
    this.#heard.add(id);
    if (kind === "drift_detected") this.#hearDrift(body as DriftBody, atMs);
    else if (kind === "retraining_requested") this.#hearRequest(body as RequestBody, atMs);
    else if (kind === "model_training_completed") this.#hearEnd(body as EndBody, atMs);
    else if (kind.startsWith("model_"))
      this.#hearRegistry(kind.slice("model_".length), body as RegistryBody, atMs);
    else if (kind.startsWith("alert_")) this.tell(atMs, (body as { readonly message: string }).message);
    else if (kind === "change_detected") {
      const { detector, column } = body as Readonly<Record<string, string>>;
      this.tell(atMs, `${detector} found a change in ${column}`);
    } else this.tell(atMs, kind.replaceAll("_", " "));
  }

  /** A look at the job's document. */
  look({ status, stage, gate }: Pick<TrainingJob, "status" | "stage" | "gate">, atMs: number): void {
    if (status === "QUEUED") return;
    this.reach("job started", atMs);
    if (status === "RUNNING" && stage !== null && stage !== this.stage) {
      this.stage = stage;
      this.tell(atMs, `training: ${stage.toLowerCase()}`);
    }
    if (gate === null || this.#isJudged) return;
    this.#isJudged = true;
    const { verdict, reasons, text } = readGate(gate);
    if (verdict === "PASSED") this.reach("gate passed", atMs);
    this.tell(
      atMs,
      `gate ${verdict.toLowerCase()}: ${text}${reasons.map((reason) => `; ${reason}`).join("")}`,
    );
  }

  #hearDrift({ change, incident }: DriftBody, atMs: number): void {
    const { severity, columns } = incident;
    this.psi = columns
      .map(({ column, psi_max }) => [column, psi_max ?? 0] as const)
      .sort(([, one], [, other]) => other - one);
    this.reach("drift found", atMs);
    const shown = this.psi.slice(0, 4).map(([column, psi]) => `${column} ${psi.toFixed(2)}`);
    this.tell(
      atMs,
      `drift ${change === "opened" ? "found" : change}, ${severity}: PSI of ${shown.join(", ")}`,
    );
  }

  #hearRequest({ job_id, cause }: RequestBody, atMs: number): void {
    this.jobId = job_id;
    this.reach("retraining requested", atMs);
    this.tell(atMs, `retraining requested, for ${cause}`);
  }

  #hearEnd({ status, outcome, error }: EndBody, atMs: number): void {
    this.isJobOver = true;
    this.stage = "";
    this.tell(atMs, `training ${status.toLowerCase()}: ${error?.message ?? outcome}`);
  }

  #hearRegistry(action: string, { model_name, model_version }: RegistryBody, atMs: number): void {
    if (action === "promoted") this.reach("deployed", atMs);
    this.tell(atMs, `${model_name} ${model_version} ${action.replaceAll("_", " ")}`);
  }
}

type RequestBody = Pick<RetrainRequest, "job_id" | "cause">;
type EndBody = Pick<TrainingJob, "status" | "outcome" | "error">;
type RegistryBody = Pick<AuditEntry, "model_name" | "model_version">;

interface DriftBody {
  readonly change: string;
  readonly incident: {
    readonly severity: string;
    readonly columns: readonly { readonly column: string; readonly psi_max: number | null }[];
  };
}

/** Of a job's document, where it stands as plain JSON. */
function readGate(gate: Readonly<Record<string, unknown>>): {
  readonly verdict: string;
  readonly reasons: readonly string[];
  readonly text: string;
} {
  const { verdict, reasons, metric, comparison } = gate as {
    readonly verdict: string;
    readonly reasons: readonly string[];
    readonly metric: string;
    readonly comparison: {
      readonly rows: number;
      readonly metrics: readonly {
        readonly metric: string;
        readonly challenger: { readonly value: number | null };
        readonly champion: { readonly value: number | null } | null;
      }[];
    };
  };
  const compared = comparison.metrics.find((one) => one.metric === metric);
  const [own, other] = [compared?.challenger.value, compared?.champion?.value].map((value) =>
    typeof value === "number" ? value.toFixed(3) : "?",
  );
  return { verdict, reasons, text: `${metric} ${own} against ${other} on ${comparison.rows} rows` };
}
