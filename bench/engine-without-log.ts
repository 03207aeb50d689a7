/**
 * The data plane without the prediction log: the same HTTP server, batcher and workers over a log that keeps
 * nothing. Not a mode of the product: it is here to show what logging costs. Prints its URL.
 */
import { HttpServer } from "../engine/api/http-server.ts";
import { oipInferRoutes } from "../engine/api/oip-infer-routes.ts";
import { predictRoutes } from "../engine/api/predict-routes.ts";
import { createSenderCheck } from "../engine/api/sender-check.ts";
import { readConfig } from "../engine/core/config.ts";
import { createLogger } from "../engine/core/log.ts";
import { Metrics } from "../engine/core/metrics.ts";
import { Dispatcher } from "../engine/dispatcher.ts";
import { Explainer } from "../engine/explainer.ts";
import { FeatureStage } from "../engine/features/feature-stage.ts";
import { Models } from "../engine/models.ts";
import { Inference } from "../engine/oip/inference.ts";
import { Predictor } from "../engine/predict.ts";
import { RequestErrors } from "../engine/request-errors.ts";
import { readModelFolder } from "../storage/model-folder.ts";
import { fixture } from "../test/support/model.ts";
import { WorkerPool } from "../workers/pool.ts";

const config = readConfig({});
const logger = createLogger("warn");
const metrics = new Metrics();
let wake = (): void => undefined;
const pool = new WorkerPool({ lanes: 1, taskTimeoutMs: 10_000, loadTimeoutMs: 60_000, logger }, () => wake());
const errors = new RequestErrors();
const dispatcher = new Dispatcher({
  pool,
  log: { append: async () => undefined },
  rowsMax: config.queueRowsMax,
  answerFirst: false,
  logger,
  failures: metrics.counter("engine_failed_rows_total", ""),
  errors,
});
wake = () => dispatcher.wake();
const model = await readModelFolder(fixture("bench"));
const reader = { read: async () => Promise.reject(new Error("no features here")) };
const stage = new FeatureStage({ reader, dispatcher, errors, rowsMax: config.batchRowsMax });
const models = new Models({
  pool,
  dispatcher,
  loadArtifact: async () => model,
  findFeatureSet: async () => Promise.reject(new Error("no feature sets here")),
  batchRowsMax: config.batchRowsMax,
  metrics,
  logger,
});
models.follow([{ name: model.manifest.name, aliases: { production: model.manifest.version } }]);
await models.settled();
const predictor = new Predictor({
  models,
  explainer: new Explainer(pool, logger),
  dispatcher,
  stage,
  errors,
});
const { bodyBytesMax, instancesMax, timeoutMs } = config;
const inference = new Inference({ predictor, models, instancesMax });
const routes = [
  ...predictRoutes({ predictor, bodyBytesMax, instancesMax, timeoutMs }),
  ...oipInferRoutes({ inference, bodyBytesMax, timeoutMs }),
];
const server = new HttpServer(routes, metrics, logger, createSenderCheck("127.0.0.1", []));
console.log(`http://127.0.0.1:${await server.listen("127.0.0.1", 0)}`);
process.on("disconnect", () => process.exit(0));
