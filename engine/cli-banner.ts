/**
 * What `millrace serve` prints once it is ready: the addresses, and commands to paste that work with the model in production.
 */
import { modelViewName } from "../storage/model-view.ts";
import type { Engine } from "./app.ts";
import type { DataPlane } from "./app-data-plane.ts";
import { shownAddresses } from "./app-http.ts";
import { type Config, SETTINGS } from "./core/config.ts";
import type { ModelManifest } from "./core/manifest.ts";
import { exampleFeatures } from "./model-schema.ts";
import { createSimulation, eventsOf, requestOf, SAMPLE_MODEL, WATCHED_CARD } from "./sample/simulation.ts";

const PREFIX_USUAL = SETTINGS.prefix.schema.parse(undefined);

interface Addresses {
  readonly http: string;
  /** Options of commands that talk to NATS. */
  readonly natsOptions: string;
}

export async function banner(
  config: Config,
  engine: Engine,
  { httpUrl, grpcAddress, registry }: DataPlane,
): Promise<string> {
  const addresses = shownAddresses(config, engine.urls);
  const nats = addresses["nats"] ?? "";
  const natsOptions = `--nats ${nats}${config.prefix === PREFIX_USUAL ? "" : ` --prefix ${config.prefix}`}`;
  const lines = [
    "",
    `Millrace is ready.   HTTP ${httpUrl}   NATS ${nats}   ClickHouse ${addresses["clickhouse"]}   gRPC ${grpcAddress}`,
  ];
  const model = (await registry.list()).find(({ aliases }) => aliases["production"] !== undefined);
  if (model === undefined)
    return [...lines, "No model is in production yet:  millrace models push <folder> --promote", ""].join(
      "\n",
    );
  const { records } = await registry.show(model.name);
  const manifest = records.find(
    (record) => record.manifest.version === model.aliases["production"]?.version,
  )?.manifest;
  const body = manifest === undefined ? "{}" : JSON.stringify({ features: exampleFeatures(manifest) });
  const url = new URL(addresses["clickhouse"] ?? "");
  return [
    ...lines,
    "Try next, in another terminal:",
    "",
    ...(isSample(manifest) ? sampleLines({ http: httpUrl, natsOptions }) : predictLines(httpUrl, body)),
    "  a durable request over NATS",
    `    npx millrace publish --nats ${nats} ${config.prefix}.requests.${model.name} '${body}'`,
    "  the predictions, in SQL",
    `    curl -s '${url.origin}/?database=${config.database}' -d 'SELECT * FROM \`${modelViewName(model.name)}\` ORDER BY prediction_date DESC LIMIT 5 FORMAT Vertical'`,
    "",
    `Ctrl-C stops it; data stays in ${config.dataDir}.`,
    "",
  ].join("\n");
}

function predictLines(http: string, body: string): string[] {
  return ["  a prediction over HTTP", `    curl -s ${http}/predict -d '${body}'`];
}

/** The sample as it comes with this version; one of the same name may have been there before. */
function isSample(manifest: ModelManifest | undefined): boolean {
  return manifest?.name === SAMPLE_MODEL && manifest.inputs.some(({ feature }) => feature?.set === "card");
}

/** A made-up payment: predicted, then told to the engine, which knows more of the card when it predicts again. */
function sampleLines({ http, natsOptions }: Addresses): string[] {
  const { transaction: payment } = createSimulation({ rate: 1, watchedCard: WATCHED_CARD }).next();
  const { model: _, request_id: __, ...request } = requestOf(payment);
  const [cardEvent] = eventsOf(payment, "", 0);
  const card = payment.card_id;
  return [
    "  a prediction over HTTP: what the request leaves out is looked up for its card and its merchant",
    `    curl -s ${http}/predict -d '${JSON.stringify(request)}'`,
    "  the payment as an event of the card: predict again, and its features have changed",
    `    npx millrace publish features ${natsOptions} card ${card} '${JSON.stringify(cardEvent?.body.event)}'`,
    `    curl -s ${http}/features/card/${card}`,
    "  payments as they come in, and what they do to the features of one card",
    `    npx millrace simulate ${natsOptions} --url ${http}`,
  ];
}
