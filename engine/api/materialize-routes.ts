/**
 * Filling the online store anew over REST: `POST /features/materialize` orders it, `GET` tells how far the ingester is.
 */
import type { IngestStatus } from "../../streams/status.ts";
import { materializeAnswer, materializeOrderAnswer } from "../contract/features.ts";
import { EngineError } from "../core/errors.ts";
import type { Route } from "./http-server.ts";
import { emptyBody, SMALL_BODY_BYTES, withBody } from "./json-body.ts";

export interface Filling {
  /** Orders that all be filled anew; the order's number. @throws EngineError SERVICE_UNAVAILABLE. */
  order(): Promise<number>;
  /** What the ingester said last. */
  status(): IngestStatus | undefined;
  /** Keys of the columns that are filled; undefined while the store is away. */
  knownColumns(): Promise<readonly string[] | undefined>;
}

export function materializeRoutes({ order, status }: Filling): Route[] {
  return [
    {
      method: "post",
      path: "/features/materialize",
      takes: "json",
      describes: {
        tag: "Features",
        summary: "Fill the online store anew",
        body: emptyBody,
        answers: { 202: materializeOrderAnswer },
        errors: ["SERVICE_UNAVAILABLE"],
      },
      handle: (exchange) =>
        withBody(exchange, emptyBody, SMALL_BODY_BYTES, async () => {
          const number = await order();
          exchange.send(202, "application/json", JSON.stringify({ order: number }));
        }),
    },
    {
      method: "get",
      path: "/features/materialize",
      describes: {
        tag: "Features",
        summary: "How far filling the online store is",
        answers: { 200: materializeAnswer },
        errors: ["SERVICE_UNAVAILABLE"],
      },
      handle: (exchange) => {
        const heard = status();
        if (heard === undefined)
          throw new EngineError("SERVICE_UNAVAILABLE", "the ingester was not heard of yet");
        const { missing, backfill, ordered, filled, lagEvents } = heard;
        exchange.sendJson(JSON.stringify({ ordered, filled, missing, backfill, lag_events: lagEvents }));
      },
    },
  ];
}
