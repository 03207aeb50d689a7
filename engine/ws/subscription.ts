/**
 * One subscription of a connection: what it brings is sent while the client keeps up, and otherwise dropped, counted, and told before
 * what comes next.
 */
import type { SubscribeMessage } from "./messages.ts";
import type { Subscriber } from "./subscriptions.ts";

export interface SubscriptionParts {
  readonly socket: { readonly bufferedBytes: number; send(text: string): void };
  /** Unread bytes over which messages are dropped. */
  readonly bufferedBytesMax: number;
  readonly onDropped: (count: number) => void;
}

export class Subscription implements Subscriber {
  readonly model: string;
  readonly predictions: boolean;
  readonly events: boolean | readonly string[];
  readonly #idJson: string;
  readonly #parts: SubscriptionParts;
  #dropped = 0;
  #hasBegun = false;

  constructor({ id, model, predictions, events }: SubscribeMessage, parts: SubscriptionParts) {
    this.#idJson = JSON.stringify(id);
    this.#parts = parts;
    this.model = model;
    this.predictions = predictions ?? false;
    this.events = events ?? false;
  }

  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  /** Its client knows that it is subscribed: what comes before is not sent. */
  begin(): void {
    this.#hasBegun = true;
  }

  onPrediction(json: string): void {
    this.#send(`{"type":"observed","id":${this.#idJson},"prediction":${json}}`);
  }

  onEvent(kind: string, json: string): void {
    this.#send(`{"type":"event","id":${this.#idJson},"kind":${JSON.stringify(kind)},"event":${json}}`);
  }

  /** Tells what was dropped, if there is room for more. */
  drained(): void {
    const { socket, bufferedBytesMax } = this.#parts;
    if (this.#dropped === 0 || socket.bufferedBytes > bufferedBytesMax) return;
    socket.send(`{"type":"dropped","id":${this.#idJson},"count":${this.#dropped}}`);
    this.#dropped = 0;
  }

  #send(text: string): void {
    if (!this.#hasBegun) return;
    const { socket, bufferedBytesMax, onDropped } = this.#parts;
    this.drained();
    if (socket.bufferedBytes <= bufferedBytesMax) return socket.send(text);
    this.#dropped++;
    onDropped(1);
  }
}
