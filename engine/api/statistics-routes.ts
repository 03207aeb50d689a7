/**
 * `GET /feature-sets/{name}/statistics?hours=24`: what the values of a set's features look like of late.
 *
 * Of the highest active version, or of `version`. It is worked out at each request; one at a time.
 */
import { z } from "zod";
import { statisticsAnswer } from "../contract/features.ts";
import { wholeNumber } from "../contract/query-texts.ts";
import { EngineError } from "../core/errors.ts";
import type { FeatureSet } from "../core/feature-set.ts";
import type { ActiveSets } from "../features/active-sets.ts";
import {
  type FeatureStatistics,
  featureStatistics,
  type ReadFieldStatistics,
} from "../features/feature-statistics.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { namePath, textIn } from "./path-name.ts";
import { queryIn } from "./query.ts";

const HOURS_MAX = 24 * 31;

export interface StatisticsRoutesOptions {
  readonly sets: Pick<ActiveSets, "find">;
  readonly read: ReadFieldStatistics;
}

const question = z.strictObject({
  hours: wholeNumber(1, HOURS_MAX, 24),
  version: z.string().max(64).optional(),
});

export function statisticsRoutes({ sets, read }: StatisticsRoutesOptions): Route[] {
  let isBusy = false;
  const answer = async (exchange: Exchange, set: FeatureSet, hours: number): Promise<void> => {
    if (isBusy)
      throw new EngineError("BUSY", "other statistics are worked out: one at a time; try again later");
    isBusy = true;
    try {
      const features = await featureStatistics(set, hours, read);
      exchange.sendJson(
        JSON.stringify({
          feature_set: set.name,
          version: set.version,
          hours,
          features: features.map(toJson),
        }),
      );
    } finally {
      isBusy = false;
    }
  };
  return [
    {
      method: "get",
      path: "/feature-sets/:name/statistics",
      describes: {
        tag: "Features",
        summary: "What the values of a set look like of late",
        path: { name: namePath },
        query: question,
        answers: { 200: statisticsAnswer },
        errors: ["FEATURE_SET_NOT_FOUND", "BUSY", "SERVICE_UNAVAILABLE"],
      },
      handle: (exchange, req) => {
        const { hours, version } = queryIn(req, question);
        const name = textIn(req, 0);
        const set = sets.find(version === undefined ? name : `${name}@${version}`);
        exchange.guardAsync(async () => answer(exchange, set, hours));
      },
    },
  ];
}

function toJson({ nullRate, numbers, ...rest }: FeatureStatistics): Record<string, unknown> {
  return { ...rest, null_rate: nullRate, ...numbers };
}
