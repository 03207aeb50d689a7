/**
 * `POST /labels` and `GET /monitoring/{model}/labels`: the truth about predictions, once it is known, and how much of it there is.
 *
 * A request is taken whole or not at all: every label is checked before the first is published. What becomes of the labels is
 * asked of the tables at each request, one at a time.
 */
import { z } from "zod";
import type { LabelCounts, LabelsQuestion } from "../../storage/label-counts.ts";
import { labelCountsAnswer, labelCountsQuery, labelsAnswer, labelsRequest } from "../contract/labels.ts";
import { EngineError } from "../core/errors.ts";
import type { LabelPublisher } from "../labels/label-publisher.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { checkBody, withBody } from "./json-body.ts";
import { namePath, textIn } from "./path-name.ts";
import { queryIn } from "./query.ts";

export interface LabelRoutesOptions {
  readonly publisher: LabelPublisher;
  /** @throws EngineError MODEL_NOT_FOUND. */
  readonly checkModel: (name: string) => Promise<unknown>;
  readonly readCounts: (question: LabelsQuestion) => Promise<LabelCounts>;
  readonly bodyBytesMax: number;
}

const LABELS_MAX = 10_000;
const HOUR_MS = 3_600_000;

/** Their number is looked at before each of them. */
const uncheckedLabels = labelsRequest.extend({ labels: z.array(z.unknown()).min(1) });
const checkedLabels = labelsRequest.pick({ labels: true });

export function labelRoutes(options: LabelRoutesOptions): Route[] {
  let isBusy = false;
  const answerCounts = async (exchange: Exchange, model: string, hours: number): Promise<void> => {
    if (isBusy) throw new EngineError("BUSY", "other labels are counted: one at a time; try again later");
    isBusy = true;
    try {
      await options.checkModel(model);
      const nowMs = Date.now();
      const fromMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS - (hours - 1) * HOUR_MS;
      const counts = await options.readCounts({ model, fromMs, toMs: nowMs + 1, nowMs });
      exchange.sendJson(JSON.stringify({ model_name: model, ...toJson(counts, fromMs, nowMs) }));
    } finally {
      isBusy = false;
    }
  };
  return [
    {
      method: "post",
      path: "/labels",
      describes: {
        tag: "Labels",
        summary: "Tell the truth about predictions",
        body: labelsRequest,
        answers: { 202: labelsAnswer },
        errors: ["MODEL_NOT_FOUND", "QUEUE_FULL", "LOG_UNAVAILABLE", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange) =>
        withBody(exchange, uncheckedLabels, options.bodyBytesMax, async (body) =>
          takeLabels(exchange, options, body),
        ),
    },
    {
      method: "get",
      path: "/monitoring/:model/labels",
      describes: {
        tag: "Labels",
        summary: "How many labels there are, and how late they come",
        path: { model: namePath },
        query: labelCountsQuery,
        answers: { 200: labelCountsAnswer },
        errors: ["MODEL_NOT_FOUND", "BUSY", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const { hours } = queryIn(req, labelCountsQuery);
        const model = textIn(req, 0);
        exchange.guardAsync(async () => answerCounts(exchange, model, hours));
      },
    },
  ];
}

async function takeLabels(
  exchange: Exchange,
  { publisher, checkModel }: LabelRoutesOptions,
  { model_name: model, labels }: z.infer<typeof uncheckedLabels>,
): Promise<void> {
  if (labels.length > LABELS_MAX) {
    const message = `must have at most ${LABELS_MAX} labels`;
    throw new EngineError("PAYLOAD_TOO_LARGE", `labels ${message}; send several requests`, {
      details: [{ field: "labels", message }],
    });
  }
  const checked = checkBody(checkedLabels, { labels }).labels;
  await checkModel(model);
  await publisher.publish(model, checked);
  exchange.send(202, "application/json", JSON.stringify({ model_name: model, accepted: checked.length }));
}

function toJson(counts: LabelCounts, fromMs: number, toMs: number): Record<string, unknown> {
  const { hours, arrived, matched, latestArrivalMs, delaySeconds, maturity } = counts;
  const sum = (field: "predictions" | "labelled"): number =>
    hours.reduce((all, hour) => all + hour[field], 0);
  return {
    from: isoOf(fromMs),
    to: isoOf(toMs),
    predictions: sum("predictions"),
    labelled_predictions: sum("labelled"),
    labels: { arrived, matched, unmatched: arrived - matched },
    latest_arrival: latestArrivalMs === undefined ? null : isoOf(latestArrivalMs),
    delay_seconds: delaySeconds ?? null,
    maturity: maturity.map(({ hours: age, predictions, labelled }) => ({
      after_hours: age,
      predictions,
      share: predictions === 0 ? null : labelled / predictions,
    })),
    hours: hours.map(({ hourMs, predictions, labelled, labels }) => ({
      hour: isoOf(hourMs),
      predictions,
      labelled,
      labels,
    })),
  };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
