/**
 * The desk that alerts go over: it takes the monitor's observations, and what people do with alerts.
 *
 * It keeps no state: groups are read from their bucket each time and changed by compare-and-set, so that any number of desks
 * agree, a restart forgets nothing, and a round that was broken off is simply repeated. What follows from a change is in the
 * same record, and the outbox works it off: nothing here waits for a channel or for ClickHouse.
 * Bound: GROUPS_MAX groups; observations that would begin another one are left out and counted.
 */
import type { AlertFilter, AlertHistory, AlertRow } from "../../storage/alert-history.ts";
import { durationMs } from "../core/duration.ts";
import { EngineError } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Metrics } from "../core/metrics.ts";
import { type Alert, type AlertChange, type AlertState, isOpen } from "./alert.ts";
import { type AlertGroup, hasRoom, withChange } from "./alert-group.ts";
import { type AlertJson, alertJson, rowJson } from "./alert-json.ts";
import type { ChannelName } from "./alert-rule.ts";
import type { AlertRules, Bucket } from "./alert-rules.ts";
import { foldGroup, type GroupRound, planRound, resolveGroup } from "./alert-state.ts";
import type { Observation } from "./observation.ts";

export interface AlertDeskOptions {
  readonly rules: Pick<AlertRules, "list" | "silences">;
  readonly groups: Bucket;
  readonly history: Pick<AlertHistory, "list" | "changes">;
  /** Those that are configured. */
  readonly channels: readonly ChannelName[];
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Called when there is something new for the outbox. */
  readonly onWork: () => void;
}

/** What somebody does with an alert by hand. */
export interface HandlingWords {
  readonly by?: string | undefined;
  readonly note?: string | undefined;
}

const GROUPS_MAX = 5_000;
const WRITES_AT_ONCE = 8;

export class AlertDesk {
  readonly #options: AlertDeskOptions;

  constructor(options: AlertDeskOptions) {
    this.#options = options;
  }

  /**
   * Folds a round of observations into the alerts. The same round again changes nothing.
   * @returns the changes it made, for logs.
   * @throws EngineError SERVICE_UNAVAILABLE; some groups may have been changed: repeat the round.
   */
  async observe(observations: readonly Observation[], nowMs: number): Promise<readonly AlertChange[]> {
    const { rules, channels, logger } = this.#options;
    const [inForce, silences, groups] = await Promise.all([rules.list(), rules.silences(), this.#groups()]);
    const plan = planRound(groups, observations, { rules: inForce, silences, channels, nowMs });
    const due = this.#withinBound(plan, groups).filter((round) => {
      const before = groups.get(round.key);
      return foldGroup(before, round) !== before;
    });
    const changes: AlertChange[] = [];
    for (let from = 0; from < due.length; from += WRITES_AT_ONCE) {
      const some = due.slice(from, from + WRITES_AT_ONCE);
      changes.push(...(await Promise.all(some.map((round) => this.#fold(round)))).flat());
    }
    for (const { change, alert } of changes) {
      this.#count(change, alert);
      logger.info({ change, alert: alert.id, rule: alert.rule, model: alert.model }, "alert changed");
    }
    if (changes.length > 0) this.#options.onWork();
    return changes;
  }

  /** Says that somebody looks after the alert; once more changes nothing. @throws EngineError ALERT_NOT_FOUND, CONFLICT, BUSY */
  async acknowledge(id: string, words: HandlingWords, nowMs: number): Promise<AlertJson> {
    return this.#handle(id, "acknowledged", (group, alert) => {
      if (alert.state === "resolved") throw conflict(`alert ${id} is resolved already`);
      const { by = "", note = "" } = words;
      const told = alert.silence === "" ? alert.channels.filter((channel) => channel === "nats") : [];
      return withChange(group, { ...alert, by }, { change: "acknowledged", nowMs, detail: note }, told);
    });
  }

  /**
   * Ends the alert; once more changes nothing. Its cooldown begins, so what still holds alerts anew after that.
   * @throws EngineError ALERT_NOT_FOUND, CONFLICT, BUSY
   */
  async resolve(id: string, { by = "", note = "" }: HandlingWords, nowMs: number): Promise<AlertJson> {
    const rules = await this.#options.rules.list();
    return this.#handle(id, "resolved", (group, alert) => {
      const rule = rules.find(({ name }) => name === alert.rule);
      const cooldownMs = rule === undefined ? 0 : (durationMs(rule.cooldown) as number);
      return resolveGroup(group, cooldownMs, { nowMs, detail: note, by });
    });
  }

  /**
   * Alerts as they are now, the one that changed last first. Open ones come from their records, so that they are there while
   * ClickHouse is away.
   * @throws EngineError SERVICE_UNAVAILABLE
   */
  async list(filter: AlertFilter): Promise<AlertJson[]> {
    const isOnlyOpen = filter.state !== undefined && filter.state !== "resolved";
    const stored = isOnlyOpen ? [] : await this.#options.history.list(filter);
    const alerts = new Map(stored.map((row) => [row.alert_id, rowJson(row)]));
    for (const { alert } of (await this.#groups()).values())
      if (alert !== null) alerts.set(alert.id, alertJson(alert));
    return [...alerts.values()]
      .filter(
        (alert) =>
          (filter.model === undefined || alert.model_name === filter.model) &&
          (filter.state === undefined || alert.state === filter.state) &&
          (filter.sinceMs === undefined || Date.parse(alert.changed_date) >= filter.sinceMs),
      )
      .sort((a, b) => (a.changed_date > b.changed_date ? -1 : 1));
  }

  /** An alert's changes, oldest first, as far as the history has them. @throws EngineError ALERT_NOT_FOUND */
  async changes(id: string): Promise<readonly AlertRow[]> {
    const rows = await this.#options.history.changes(id);
    if (rows.length === 0 && (await this.#find(id)) === undefined) throw notFound(id);
    return rows;
  }

  async #groups(): Promise<ReadonlyMap<string, AlertGroup>> {
    const { documents } = await this.#options.groups.list("group.*");
    return documents as ReadonlyMap<string, AlertGroup>;
  }

  async #find(id: string): Promise<string | undefined> {
    for (const [key, { alert }] of await this.#groups()) if (alert?.id === id) return key;
    return undefined;
  }

  async #fold(round: GroupRound): Promise<readonly AlertChange[]> {
    return this.#options.groups.change(round.key, (current) => {
      const before = current as AlertGroup | undefined;
      const next = foldGroup(before, round);
      if (next === before) return { result: [] };
      return { write: next, result: next?.unstored.slice(before?.unstored.length ?? 0) ?? [] };
    });
  }

  /** Changes an alert by hand, if it is not in that state yet. */
  async #handle(
    id: string,
    to: AlertState,
    change: (group: AlertGroup, alert: Alert) => AlertGroup,
  ): Promise<AlertJson> {
    const key = await this.#find(id);
    if (key === undefined) throw await this.#missing(id, to);
    const alert = await this.#options.groups.change(key, (current) => {
      const group = current as AlertGroup | undefined;
      if (group?.alert?.id !== id) throw conflict(`alert ${id} has just been followed by another one`);
      if (group.alert.state === to) return { result: group.alert };
      if (!isOpen(group.alert) && to !== "acknowledged") return { result: group.alert };
      if (!hasRoom(group))
        throw new EngineError("BUSY", "the alert has too much undelivered: try again soon");
      const next = change(group, group.alert);
      this.#count(to, group.alert);
      return { write: next, result: next.alert as Alert };
    });
    this.#options.onWork();
    return alertJson(alert);
  }

  /** Only the last alert of a group is kept outside of the history. */
  async #missing(id: string, to: AlertState): Promise<EngineError> {
    const known = await this.#options.history.changes(id).catch(() => []);
    if (known.length === 0) return notFound(id);
    return conflict(`alert ${id} is over and cannot be ${to} any more`);
  }

  #withinBound(plan: readonly GroupRound[], groups: ReadonlyMap<string, AlertGroup>): readonly GroupRound[] {
    const fresh = plan.filter(({ key }) => !groups.has(key));
    const room = Math.max(0, GROUPS_MAX - groups.size);
    if (fresh.length <= room) return plan;
    const left = new Set(fresh.slice(room).map(({ key }) => key));
    this.#options.metrics
      .counter("engine_alert_groups_dropped_total", "Groups of alerts left out because there were too many.")
      .add(left.size);
    this.#options.logger.error({ groups: left.size, groupsMax: GROUPS_MAX }, "too many groups of alerts");
    return plan.filter(({ key }) => !left.has(key));
  }

  #count(change: string, { severity }: Alert): void {
    this.#options.metrics
      .counter("engine_alert_changes_total", "Changes of alerts.", { change, severity })
      .add(1);
  }
}

function notFound(id: string): EngineError {
  return new EngineError("ALERT_NOT_FOUND", `there is no alert ${id}; see GET /alerts`);
}

function conflict(message: string): EngineError {
  return new EngineError("CONFLICT", message);
}
