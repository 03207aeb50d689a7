/** Clients that send inferences over gRPC one after the other, and what became of them. */
import { setTimeout as delay } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import { GrpcClient } from "./grpc-client.ts";

const RETRY_MS = 5;

export interface GrpcLoadOptions {
  /** Host and port. */
  readonly address: string;
  /** Connections, and how many calls each has under way. */
  readonly connections: number;
  readonly callsEach: number;
  /** The request with this id. */
  readonly request: (id: string) => object;
}

export class GrpcLoad implements AsyncDisposable {
  /** Ids of requests that were answered. */
  readonly answered: string[] = [];
  /** Calls that were not taken: UNAVAILABLE, by what the error says. */
  readonly unavailable = new Map<string, number>();
  /** Calls that ended in any other way. */
  readonly harmed: string[] = [];
  readonly #clients: GrpcClient[];
  readonly #loops: Promise<void>[];
  readonly #options: GrpcLoadOptions;
  #isStopping = false;

  constructor(options: GrpcLoadOptions) {
    const { address, connections, callsEach } = options;
    this.#options = options;
    this.#clients = Array.from({ length: connections }, () => new GrpcClient(address));
    this.#loops = this.#clients.flatMap((client) =>
      Array.from({ length: callsEach }, async () => this.#send(client)),
    );
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    for (const client of this.#clients) client[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #send(client: GrpcClient): Promise<void> {
    while (!this.#isStopping) {
      const id = crypto.randomUUID();
      try {
        await client.call("ModelInfer", this.#options.request(id));
        this.answered.push(id);
      } catch (error) {
        this.#failed(error as ServiceError);
        await delay(RETRY_MS);
      }
    }
  }

  #failed({ code, details }: ServiceError): void {
    if (code === status.UNAVAILABLE) this.unavailable.set(details, (this.unavailable.get(details) ?? 0) + 1);
    else this.harmed.push(`${status[code] ?? String(code)}: ${details}`);
  }
}
