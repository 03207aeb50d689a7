/** Alerts, from the client. */
import type {
  AlertAnswer,
  AlertChangesAnswer,
  AlertsAnswer,
  AlertsQuery,
  HandlingRequest,
} from "../contract/alerts.ts";
import { type Ask, get, path, post } from "./client-call.ts";
import type { CallOptions } from "./http-caller.ts";

export class AlertCalls {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Alerts, the newest change first. */
  async list(query: AlertsQuery = {}, options?: CallOptions): Promise<AlertsAnswer> {
    return this.#ask(get("/alerts", query), options);
  }

  /** All changes of one alert. */
  async changes(alertId: string, options?: CallOptions): Promise<AlertChangesAnswer> {
    return this.#ask(get(path`/alerts/${alertId}`), options);
  }

  /** Says that somebody looks after an alert. */
  async acknowledge(
    alertId: string,
    request: HandlingRequest = {},
    options?: CallOptions,
  ): Promise<AlertAnswer> {
    return this.#ask(post(path`/alerts/${alertId}/acknowledge`, request, "changes"), options);
  }

  /** Ends an alert by hand. */
  async resolve(alertId: string, request: HandlingRequest = {}, options?: CallOptions): Promise<AlertAnswer> {
    return this.#ask(post(path`/alerts/${alertId}/resolve`, request, "changes"), options);
  }
}
