/**
 * The HTTP server: a table of routes over uWebSockets.js.
 *
 * A path that exists answers another method with 405 and Allow, any other path with 404. What may change something is
 * taken only from whom sender-check allows. Stopping is graceful: no new
 * connections, every answer closes its connection, and what is under way is answered. Then the connections that were
 * idle all the while are ended: their clients connect anew, elsewhere, instead of getting errors here.
 */
import uws, {
  type HttpRequest,
  type HttpResponse,
  type TemplatedApp,
  type us_listen_socket,
} from "uWebSockets.js";
import { EngineError, type ErrorCode } from "../core/errors.ts";
import type { Logger } from "../core/log.ts";
import type { Counter, Metrics } from "../core/metrics.ts";
import { oipErrorBody } from "../oip/error-body.ts";
import { Exchange, type ExchangeOwner } from "./exchange.ts";
import type { RouteDescription } from "./route-description.ts";
import { checkIsJson, type SenderCheck } from "./sender-check.ts";

export type Method = "get" | "post" | "put" | "delete";

export interface Route {
  readonly method: Method;
  /** As uWebSockets.js writes it: /models/:name */
  readonly path: string;
  /** Refuses every content-type but application/json with 415. */
  readonly takes?: "json";
  /** Errors are told as the Open Inference Protocol has them. */
  readonly errors?: "oip";
  readonly describes: RouteDescription;
  /** Must take what it needs of `req` before it returns. */
  readonly handle: (exchange: Exchange, req: HttpRequest) => void;
}

/** What a taker of connections needs of the server. */
export interface HttpSide {
  /** Answers a request that is not taken over. */
  refuse(res: HttpResponse, req: HttpRequest, error: EngineError): void;
  /** Counts and logs an error that was answered. */
  onFailed(code: ErrorCode, error: EngineError): void;
}

/** What takes connections over, at a path of its own. */
export interface ConnectionTaker {
  /** Connections that it has. */
  readonly open: number;
  attach(app: TemplatedApp, http: HttpSide): void;
  /** Takes no more, and ends each connection once it has its answers. */
  stop(): void;
}

export class HttpServer implements ExchangeOwner {
  readonly #app: TemplatedApp = uws.App();
  readonly #metrics: Metrics;
  readonly #logger: Logger;
  readonly #checkSender: SenderCheck;
  readonly #aborted: Counter;
  readonly #answered = new Map<number, Counter>();
  readonly #failed = new Map<ErrorCode, Counter>();
  readonly #taker: ConnectionTaker | undefined;
  #socket: us_listen_socket | undefined;
  #open = 0;
  isClosing = false;

  constructor(
    routes: readonly Route[],
    metrics: Metrics,
    logger: Logger,
    checkSender: SenderCheck,
    taker?: ConnectionTaker,
  ) {
    this.#metrics = metrics;
    this.#logger = logger;
    this.#checkSender = checkSender;
    this.#taker = taker;
    this.#aborted = metrics.counter("engine_http_aborts_total", "Clients that went before their answer.");
    taker?.attach(this.#app, this);
    for (const route of routes) {
      const { method, path } = route;
      const handle = this.#checked(route);
      this.#app[method === "delete" ? "del" : method](path, (res, req) =>
        this.#serve(res, req, handle, route.errors),
      );
    }
    this.#refuseOtherMethods(routes);
    const refuse: Route["handle"] = (exchange) => exchange.fail(noRoute());
    this.#app.any("/v2/*", (res, req) => this.#serve(res, req, refuse, "oip"));
    this.#app.any("/*", (res, req) => this.#serve(res, req, refuse));
  }

  /** Requests that are not answered yet, and connections that were taken over. */
  get open(): number {
    return this.#open + (this.#taker?.open ?? 0);
  }

  /** @throws EngineError SERVICE_UNAVAILABLE when the port cannot be had. */
  async listen(host: string, port: number): Promise<number> {
    const socket = await new Promise<us_listen_socket | false>((resolve) => {
      this.#app.listen(host, port, resolve);
    });
    if (socket === false)
      throw new EngineError(
        "SERVICE_UNAVAILABLE",
        `HTTP cannot listen on ${host}:${port}: choose another port with MILLRACE_HTTP_PORT`,
      );
    this.#socket = socket;
    return uws.us_socket_local_port(socket);
  }

  /** Takes no new connections and ends each one with its next answer. */
  stopListening(): void {
    this.isClosing = true;
    if (this.#socket !== undefined) uws.us_listen_socket_close(this.#socket);
    this.#socket = undefined;
    this.#taker?.stop();
  }

  refuse(res: HttpResponse, req: HttpRequest, error: EngineError): void {
    this.#serve(res, req, (exchange) => exchange.fail(error));
  }

  /** Ends every connection that is still open: after stopListening, and once nothing more is answered. */
  close(): void {
    (this.#app as TemplatedApp & { close?(): void }).close?.(); // its types leave it out
  }

  onAnswered(status: number): void {
    this.#open--;
    let counter = this.#answered.get(status);
    if (counter === undefined) {
      counter = this.#metrics.counter("engine_http_responses_total", "HTTP responses by status.", {
        status: String(status),
      });
      this.#answered.set(status, counter);
    }
    counter.add(1);
  }

  onAborted(): void {
    this.#open--;
    this.#aborted.add(1);
  }

  onFailed(code: ErrorCode, error: EngineError): void {
    let counter = this.#failed.get(code);
    if (counter === undefined) {
      counter = this.#metrics.counter("engine_errors_total", "Requests refused or failed, by code.", {
        code,
      });
      this.#failed.set(code, counter);
    }
    counter.add(1);
    this.#logger[error.meaning.level]({ code, err: error.cause ?? error.message }, "request failed");
  }

  /** The route's own work, behind the checks that its method and type ask for. */
  #checked({ method, takes, handle }: Route): Route["handle"] {
    if (method === "get") return handle;
    return (exchange, req) => {
      this.#checkSender(req);
      if (takes === "json") checkIsJson(req);
      handle(exchange, req);
    };
  }

  #serve(res: HttpResponse, req: HttpRequest, handle: Route["handle"], errors?: Route["errors"]): void {
    this.#open++;
    const exchange = new Exchange(res, req, this);
    if (errors === "oip") exchange.toErrorBody = oipErrorBody;
    exchange.guard(() => handle(exchange, req));
  }

  #refuseOtherMethods(routes: readonly Route[]): void {
    for (const { path, errors } of new Map(routes.map((route) => [route.path, route])).values()) {
      const methods = routes
        .filter((route) => route.path === path)
        .map((route) => route.method.toUpperCase());
      const allow = methods.join(", ");
      this.#app.any(path, (res, req) => {
        const refuse: Route["handle"] = (exchange) =>
          exchange.fail(new EngineError("METHOD_NOT_ALLOWED", `this path takes ${allow}`), { allow });
        this.#serve(res, req, refuse, errors);
      });
    }
  }
}

function noRoute(): EngineError {
  return new EngineError("ROUTE_NOT_FOUND", "there is nothing at this path; GET / lists what there is");
}
