/**
 * The life of a canary, as changes of its model's record.
 *
 *     started ──▶ step 0 ──▶ step 1 … ──▶ last step ──▶ in production        advanced, when a step is over
 *                    └──────────┴─────────────┴───────▶ withdrawn            on a breach, or by a person
 *
 * While it runs, the alias canary points to its version and production to the champion. Invariant: a change that was decided on one
 * step of one canary does nothing to another, whoever else was faster.
 */
import {
  type CanaryDeployment,
  type CanaryRecord,
  type ChangedBy,
  shareOf,
  WARM_MS,
} from "../engine/core/deployment.ts";
import { EngineError } from "../engine/core/errors.ts";
import { CANARY, PRODUCTION } from "../engine/core/version-state.ts";
import {
  type AliasChange,
  type AliasRecord,
  aliasOf,
  canaryRuns,
  checkDeployable,
  movedTo,
  promoted,
  rolledBack,
  withoutCanary,
} from "./alias-record.ts";

/** @throws (the change) EngineError CONFLICT: no champion, the same version, another canary, an archived or deprecated version. */
export function canaryStarted(
  version: string,
  { steps, limits }: CanaryDeployment,
  { requestedBy, reason }: ChangedBy,
): AliasChange {
  return (record, nowMs) => {
    checkDeployable(record, version);
    if (record.canary !== undefined) throw canaryRuns(record.canary);
    const champion = aliasOf(record, PRODUCTION)?.version;
    if (champion === undefined)
      throw new EngineError(
        "CONFLICT",
        "nothing is in production to compare a canary with: deploy it directly",
      );
    if (champion === version)
      throw new EngineError("CONFLICT", `version ${version} is in production already`);
    const now = new Date(nowMs).toISOString();
    const canary: CanaryRecord = {
      version,
      champion,
      steps,
      limits,
      step: 0,
      step_started_at: now,
      started_at: now,
      requested_by: requestedBy,
      reason,
    };
    const aliases = { ...record.aliases, [CANARY]: { version, previous: [] } };
    return {
      record: { ...record, aliases, canary },
      action: "canary_started",
      version,
      alias: CANARY,
      details: { share: shareOf(canary), champion },
    };
  };
}

/** The next step, or production after the last one; nothing when the canary or its step is another one by now. */
export function canaryAdvanced(canary: CanaryRecord, details: Readonly<Record<string, number>>): AliasChange {
  return (record, nowMs) => {
    const current = record.canary;
    if (!isSame(current, canary) || current.step !== canary.step) return undefined;
    const { version, champion, step, steps } = current;
    if (step + 1 >= steps.length) {
      const next = movedTo(withoutCanary(record), PRODUCTION, version);
      const about = { action: "promoted" as const, version, alias: PRODUCTION, replaced: champion, details };
      return { ...about, record: keptWarm(next, champion, nowMs) };
    }
    const next = { ...current, step: step + 1, step_started_at: new Date(nowMs).toISOString() };
    return {
      record: { ...record, canary: next },
      action: "canary_advanced",
      version,
      alias: CANARY,
      details: { ...details, share: shareOf(next) },
    };
  };
}

/** Production is the champion's alone again; nothing when the canary has ended. */
export function canaryWithdrawn(
  canary: CanaryRecord,
  details: Readonly<Record<string, number | string | null>>,
): AliasChange {
  return (record) => {
    if (!isSame(record.canary, canary)) return undefined;
    const { version } = canary;
    return { record: withoutCanary(record), action: "canary_rolled_back", version, alias: CANARY, details };
  };
}

/** Away from what was changed last: the canary under way is withdrawn, else the alias goes back to the version before. */
export function wentBack(alias: string): AliasChange {
  return (record, nowMs) => {
    const isCanary = alias === PRODUCTION && record.canary !== undefined;
    return (isCanary ? canaryWithdrawn(record.canary, {}) : rolledBack(alias))(record, nowMs);
  };
}

/** Into production at once; what was there stays warm. */
export function deployedDirectly(version: string): AliasChange {
  return (record, nowMs) => {
    const change = promoted(version, PRODUCTION)(record, nowMs);
    if (change?.replaced === undefined) return change;
    return { ...change, record: keptWarm(change.record, change.replaced, nowMs) };
  };
}

function keptWarm(record: AliasRecord, version: string, nowMs: number): AliasRecord {
  return { ...record, warm: { version, until: new Date(nowMs + WARM_MS).toISOString() } };
}

function isSame(current: CanaryRecord | undefined, canary: CanaryRecord): current is CanaryRecord {
  return current?.version === canary.version && current.started_at === canary.started_at;
}
