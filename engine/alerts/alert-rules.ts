/**
 * The rules and silences in force: those of the registry, over the built-in rules.
 *
 * Bounds: RULES_MAX rules, SILENCES_MAX silences; a silence that has been over for a day is forgotten when another is added.
 */
import { randomUUID } from "node:crypto";
import type { DocumentBucket } from "../../storage/document-bucket.ts";
import { EngineError, fieldInvalid, messageOf } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import { type AlertRule, parseAlertRule, parseAlertRules, RULES_MAX } from "./alert-rule.ts";
import { type Silence, type SilenceRequest, silenceProblem } from "./alert-silence.ts";

export type Bucket = Pick<DocumentBucket, "list" | "get" | "change" | "lastSeq">;

export interface AlertRulesOptions {
  readonly bucket: Bucket;
  readonly builtIn: readonly AlertRule[];
  readonly logger: Logger;
}

const SILENCES_MAX = 1_000;
const SILENCE_KEPT_MS = 86_400_000;

export class AlertRules {
  readonly #options: AlertRulesOptions;

  constructor(options: AlertRulesOptions) {
    this.#options = options;
  }

  /** By name. A stored rule that cannot be read is left out and logged. @throws EngineError SERVICE_UNAVAILABLE */
  async list(): Promise<AlertRule[]> {
    const { bucket, builtIn, logger } = this.#options;
    const rules = new Map(builtIn.map((rule) => [rule.name, rule]));
    for (const [key, json] of (await bucket.list("rule.*")).documents) {
      try {
        const rule = parseAlertRule(json, builtIn);
        rules.set(rule.name, rule);
      } catch (error) {
        logger.error({ err: messageOf(error), key }, "stored alert rule left out");
      }
    }
    return [...rules.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Whether a listed rule is built in, and not replaced. */
  isBuiltIn(rule: AlertRule): boolean {
    return this.#options.builtIn.includes(rule);
  }

  /** @throws EngineError ALERT_RULE_NOT_FOUND */
  async show(name: string): Promise<AlertRule> {
    const rule = (await this.list()).find((one) => one.name === name);
    if (rule !== undefined) return rule;
    throw new EngineError("ALERT_RULE_NOT_FOUND", `there is no alert rule ${name}; see GET /alert-rules`);
  }

  /** Adds or replaces the rules of a file, once all of them are checked. @throws EngineError ALERT_RULE_INVALID, CONFLICT */
  async apply(json: unknown): Promise<AlertRule[]> {
    const rules = parseAlertRules(json, this.#options.builtIn);
    await this.#checkRoom(rules);
    for (const rule of rules) await this.#write(rule);
    return rules;
  }

  /** Adds or replaces one rule. @throws EngineError ALERT_RULE_INVALID, CONFLICT */
  async put(json: unknown): Promise<AlertRule> {
    const rule = parseAlertRule(json, this.#options.builtIn);
    await this.#checkRoom([rule]);
    await this.#write(rule);
    return rule;
  }

  /** A built-in rule that was changed is as it was again. @throws EngineError ALERT_RULE_NOT_FOUND, CONFLICT */
  async remove(name: string): Promise<void> {
    const { bucket, builtIn } = this.#options;
    const wasThere = await bucket.change(`rule.${name}`, (current) => ({
      write: undefined,
      result: current !== undefined,
    }));
    if (wasThere) return;
    if (builtIn.every((rule) => rule.name !== name))
      throw new EngineError("ALERT_RULE_NOT_FOUND", `there is no alert rule ${name}; see GET /alert-rules`);
    const hint = `switch it off with PUT /alert-rules/${name} {"enabled": false}`;
    throw new EngineError("CONFLICT", `${name} is built in and cannot be removed: ${hint}`);
  }

  /** Those that are not forgotten, over or not, by their beginning. @throws EngineError SERVICE_UNAVAILABLE */
  async silences(): Promise<Silence[]> {
    const { documents } = await this.#options.bucket.list("silence.*");
    return ([...documents.values()] as Silence[]).sort((a, b) => (a.from < b.from ? -1 : 1));
  }

  /** @throws EngineError INVALID_REQUEST for times that do not fit, CONFLICT when there are too many. */
  async addSilence(request: SilenceRequest, nowMs: number): Promise<Silence> {
    const silence: Silence = {
      id: randomUUID(),
      ...request,
      from: request.from ?? new Date(nowMs).toISOString(),
    };
    const problem = silenceProblem(silence, nowMs);
    if (problem !== undefined) {
      const [field, message] = problem;
      throw fieldInvalid(field, message);
    }
    let kept = 0;
    for (const one of await this.silences()) {
      if (Date.parse(one.until) + SILENCE_KEPT_MS < nowMs) await this.#forget(one.id);
      else kept++;
    }
    if (kept >= SILENCES_MAX)
      throw new EngineError(
        "CONFLICT",
        `there are ${kept} silences already: remove some with DELETE /silences/{id}`,
      );
    const key = `silence.${silence.id}`;
    await this.#options.bucket.change(key, () => ({ write: silence, result: undefined }));
    return silence;
  }

  /** @throws EngineError SILENCE_NOT_FOUND */
  async removeSilence(id: string): Promise<void> {
    if (await this.#forget(id)) return;
    throw new EngineError("SILENCE_NOT_FOUND", `there is no silence ${id}; see GET /silences`);
  }

  async #forget(id: string): Promise<boolean> {
    return this.#options.bucket.change(`silence.${id}`, (current) => ({
      write: undefined,
      result: current !== undefined,
    }));
  }

  async #checkRoom(added: readonly AlertRule[]): Promise<void> {
    const names = new Set([...(await this.list()), ...added].map(({ name }) => name));
    if (names.size > RULES_MAX)
      throw new EngineError(
        "CONFLICT",
        `there would be ${names.size} alert rules, at most ${RULES_MAX} are kept`,
      );
  }

  async #write(rule: AlertRule): Promise<void> {
    await this.#options.bucket.change(`rule.${rule.name}`, () => ({ write: rule, result: undefined }));
  }
}
