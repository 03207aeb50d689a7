/**
 * Request/reply over the NATS services API, so that `nats micro list` shows the engine and its statistics.
 *
 * One endpoint for all models, `<prefix>.predict.*`; engines share its queue group, and so the load. What is in a
 * message is none of this file's business: it hands on the model's name, the bytes and a way to answer.
 */
import { type Service, Svcm } from "@nats-io/services";
import { Match, type NatsConnection } from "@nats-io/transport-node";
import type { EngineError } from "../engine/core/errors.ts";
import { headerText, toHeaders } from "./header-text.ts";
import type { Topology } from "./topology.ts";

export interface ServiceRequest {
  /** Last token of the subject. */
  readonly model: string;
  readonly data: Uint8Array;
  /** Header x-request-id, or "". */
  readonly requestId: string;
  /** Value of a header, or "". */
  header(name: string): string;
  answer(payload: string | Uint8Array, headers?: Readonly<Record<string, string>>): void;
  /** @param body what is told of it as JSON. */
  fail(error: EngineError, body?: unknown): void;
}

/** Answers requests through `onRequest`, which must not throw. Stop it with `service.stop()`. */
export async function startPredictService(
  nats: NatsConnection,
  topology: Topology,
  version: string,
  onRequest: (request: ServiceRequest) => void,
): Promise<Service> {
  const service = await new Svcm(nats).add({
    name: topology.prefix,
    version,
    description: "Millrace predictions: JSON requests as of POST /predict",
    queue: `${topology.prefix}-engines`,
  });
  service.addEndpoint("predict", {
    subject: topology.predictSubject("*"),
    handler: (error, message) => {
      if (error !== null) return;
      onRequest({
        model: message.subject.slice(message.subject.lastIndexOf(".") + 1),
        data: message.data,
        requestId: message.headers?.get("x-request-id", Match.IgnoreCase) ?? "",
        header: (name) => message.headers?.get(name, Match.IgnoreCase) ?? "",
        answer: (payload, headers) => message.respond(payload, headers && { headers: toHeaders(headers) }),
        fail: (failure, body = failure.toBody()) =>
          message.respondError(failure.meaning.status, headerText(failure.message), JSON.stringify(body)),
      });
    },
  });
  return service;
}
