/**
 * `POST /features/historical`: features as they were at the moments of some rows, as JSON lines. For samples and checks;
 * training sets are exported by `millrace features export`, which leaves this process alone.
 *
 * Bounds: the body, ROWS_MAX rows, which are read CHUNK_ROWS at a time, and one request at a time.
 */
import { z } from "zod";
import type { FeatureRegistry } from "../../storage/feature-registry.ts";
import { historicalRow } from "../contract/features.ts";
import { EngineError } from "../core/errors.ts";
import type { FeatureHistory } from "../core/feature-history.ts";
import type { SetLookup } from "../features/feature-lookup.ts";
import { findReferred } from "../features/feature-references.ts";
import { historicalFeatures } from "../features/historical-features.ts";
import { parseTrainingRow, type TrainingRow, toTrainingJson } from "../features/training-rows.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { withBody } from "./json-body.ts";

export interface HistoricalRoutesOptions {
  readonly registry: Pick<FeatureRegistry, "get">;
  readonly history: FeatureHistory;
  readonly bodyBytesMax: number;
}

const ROWS_MAX = 10_000;
const CHUNK_ROWS = 500;

const historicalBody = z.strictObject({
  /** As `millrace features export` takes them: set@version:name,name,… */
  features: z
    .string()
    .min(1)
    .max(64 * 1024),
  rows: z.array(z.record(z.string(), z.unknown())).min(1),
});

export function historicalRoutes(options: HistoricalRoutesOptions): Route[] {
  let isBusy = false;
  const answer = async (exchange: Exchange, body: z.infer<typeof historicalBody>): Promise<void> => {
    if (isBusy)
      throw new EngineError("BUSY", "another request reads the history: one at a time; try again later");
    isBusy = true;
    try {
      await answerRows(exchange, options, body);
    } finally {
      isBusy = false;
    }
  };
  return [
    {
      method: "post",
      path: "/features/historical",
      describes: {
        tag: "Features",
        summary: "Features as they were at the moments of some rows",
        body: historicalBody,
        answers: { 200: { "application/x-ndjson": historicalRow } },
        errors: [
          "FEATURE_SET_NOT_FOUND",
          "FEATURE_SET_INVALID",
          "INVALID_FEATURES",
          "CONFLICT",
          "BUSY",
          "SERVICE_UNAVAILABLE",
        ],
      },
      handle: (exchange) =>
        withBody(exchange, historicalBody, options.bodyBytesMax, async (body) => answer(exchange, body)),
    },
  ];
}

async function answerRows(
  exchange: Exchange,
  { registry, history }: HistoricalRoutesOptions,
  { features, rows }: z.infer<typeof historicalBody>,
): Promise<void> {
  if (rows.length > ROWS_MAX) {
    const message = `must have at most ${ROWS_MAX} rows; for more use millrace features export`;
    throw new EngineError("PAYLOAD_TOO_LARGE", `rows ${message}`, { details: [{ field: "rows", message }] });
  }
  const lookup = await findReferred(
    features,
    async (name, version) => (await registry.get(name, version)).set,
  );
  const parsed = rows.map((row, index) => parseTrainingRow(lookup, JSON.stringify(row), index + 1));
  await exchange.sendParts("application/x-ndjson", partsOf(history, lookup, parsed));
}

/** One part a chunk. */
async function* partsOf(
  history: FeatureHistory,
  lookup: SetLookup,
  rows: readonly TrainingRow[],
): AsyncGenerator<string, undefined> {
  let lines: string[] = [];
  for await (const found of historicalFeatures({ history, lookup, rows, chunkRows: CHUNK_ROWS })) {
    lines.push(toTrainingJson(lookup, found, "with status"));
    if (lines.length < CHUNK_ROWS) continue;
    yield lines.join("");
    lines = [];
  }
  if (lines.length > 0) yield lines.join("");
}
