/**
 * Whether this process can serve, and how its parts are.
 *
 * Ready from the moment that everything was there once (services, streams, a warm model), and while what an answer
 * needs is there: NATS, a worker, a model in production. ClickHouse and Redis may go away later; answers go on.
 */

export type ComponentState = "up" | "down" | "absent";

export interface Component {
  readonly name: string;
  /** Without it nothing can be answered. */
  readonly isVital: boolean;
  state(): ComponentState;
}

export interface Health {
  readonly status: "ok" | "degraded" | "starting" | "stopping";
  readonly ready: boolean;
  readonly components: Readonly<Record<string, ComponentState>>;
}

export class Readiness {
  readonly #components: readonly Component[];
  #phase: "starting" | "running" | "stopping" = "starting";

  constructor(components: readonly Component[]) {
    this.#components = components;
  }

  stop(): void {
    this.#phase = "stopping";
  }

  health(): Health {
    const states = this.#components.map((component) => ({ component, state: component.state() }));
    const isWhole = states.every(({ state }) => state !== "down");
    if (this.#phase === "starting" && isWhole) this.#phase = "running";
    const canServe = states.every(({ component, state }) => !component.isVital || state !== "down");
    const components = Object.fromEntries(states.map(({ component, state }) => [component.name, state]));
    const status = this.#phase === "running" ? (isWhole ? "ok" : "degraded") : this.#phase;
    return { status, ready: this.#phase === "running" && canServe, components };
  }
}
