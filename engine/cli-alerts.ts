/**
 * `millrace alerts`: what is wrong, who looks after it, what is silenced, and whether anybody would hear of it.
 */
import { Command } from "commander";
import { alertRulesCommand } from "./cli-alert-rules.ts";
import { callEngine, withUrlOption } from "./cli-http.ts";
import { durationMs } from "./core/duration.ts";
import { EngineError } from "./core/errors.ts";

interface ListedAlert {
  readonly alert_id: string;
  readonly state: string;
  readonly severity: string;
  readonly rule: string;
  readonly model_name: string;
  readonly model_version: string;
  readonly metric: string;
  readonly value: number;
  readonly operator: string;
  readonly threshold: number;
  readonly raised_date: string;
}

interface Silence {
  readonly id: string;
  readonly matcher: Readonly<Record<string, string>>;
  readonly from: string;
  readonly until: string;
  readonly reason: string;
}

interface TestedChannel {
  readonly channel: string;
  readonly is_delivered: boolean;
  readonly detail: string;
  readonly duration_ms: number;
}

interface Options {
  readonly url: string;
  readonly json?: boolean;
}

type ListOptions = Options & Readonly<Partial<Record<"model" | "state" | "since", string>>>;
type HandlingOptions = Options & { readonly by?: string; readonly note?: string };
type SilenceOptions = Options &
  Readonly<Partial<Record<"rule" | "model" | "metric" | "column", string>>> & {
    readonly for: string;
    readonly reason: string;
  };

export function alertsCommand(): Command {
  const alerts = new Command("alerts");
  const add = (usage: string, about: string): Command =>
    withUrlOption(alerts.command(usage).description(about));
  add("list", "alerts, the one that changed last first")
    .option("--model <name>", "of this model")
    .option("--state <state>", "raised, acknowledged or resolved")
    .option("--since <time>", "changed since then: ISO 8601")
    .option("--json", "as JSON")
    .action(list);
  for (const [name, path, about] of [
    ["ack <id>", "acknowledge", "say that somebody looks after an alert"],
    ["resolve <id>", "resolve", "end an alert; what still holds alerts again after the rule's cooldown"],
  ] as const)
    add(name, about)
      .option("--by <name>", "who")
      .option("--note <text>", "why")
      .action(async (id: string, { url, by, note }: HandlingOptions) =>
        reportAlert(
          (await callEngine(url, "POST", `/alerts/${encodeURIComponent(id)}/${path}`, {
            by,
            note,
          })) as ListedAlert,
        ),
      );
  add("silence", "record alerts that fit without telling anybody, for some time")
    .option("--rule <name>", "of this rule")
    .option("--model <name>", 'of this model, or "*"')
    .option("--metric <name>", "of this metric")
    .option("--column <name>", "of this column alone")
    .requiredOption("--for <duration>", "how long, such as 2h")
    .requiredOption("--reason <text>", "why")
    .action(silence);
  add("silences", "all silences").option("--json", "as JSON").action(listSilences);
  add("unsilence <id>", "end a silence").action(async (id: string, { url }: Options) => {
    await callEngine(url, "DELETE", `/silences/${encodeURIComponent(id)}`);
    console.log(`silence ${id} is over`);
  });
  add("test", "send a test notification through every channel").action(test);
  return alerts.addCommand(alertRulesCommand());
}

async function list({ url, json, model, state, since }: ListOptions): Promise<void> {
  const query = new URLSearchParams({ model: model ?? "", state: state ?? "", since: since ?? "" });
  const { alerts } = (await callEngine(url, "GET", `/alerts?${query.toString()}`)) as {
    alerts: ListedAlert[];
  };
  if (json === true) console.log(JSON.stringify(alerts, null, 2));
  else if (alerts.length === 0) console.log("no alerts");
  else for (const alert of alerts) reportAlert(alert);
}

function reportAlert(alert: ListedAlert): void {
  const { alert_id: id, state, severity, rule, model_name: model, model_version: version } = alert;
  const { metric, value, operator, threshold, raised_date: raised } = alert;
  console.log(`${id}  ${state.padEnd(12)}  ${severity.padEnd(8)}  ${raised}  ${rule}`);
  console.log(`  ${model} ${version}: ${metric} ${Number(value.toPrecision(6))} (${operator} ${threshold})`);
}

async function silence({
  url,
  for: length,
  reason,
  rule,
  model,
  metric,
  column,
}: SilenceOptions): Promise<void> {
  const ms = durationMs(length);
  if (ms === undefined)
    throw new EngineError("INVALID_REQUEST", `"${length}" is no duration: give --for as 30m, 2h or 7d`);
  const matcher = { rule, model, metric, column };
  const until = new Date(Date.now() + ms).toISOString();
  reportSilence((await callEngine(url, "POST", "/silences", { matcher, until, reason })) as Silence);
}

async function listSilences({ url, json }: Options): Promise<void> {
  const { silences } = (await callEngine(url, "GET", "/silences")) as { silences: Silence[] };
  if (json === true) console.log(JSON.stringify(silences, null, 2));
  else if (silences.length === 0) console.log("no silences");
  else for (const one of silences) reportSilence(one);
}

function reportSilence({ id, matcher, from, until, reason }: Silence): void {
  const whose = Object.entries(matcher).map(([name, value]) => `${name} ${value}`);
  console.log(`${id}  ${from} to ${until}  ${whose.join(", ")}: ${reason}`);
}

/** Exits with 1 when a channel fails. */
async function test({ url }: Options): Promise<void> {
  const { channels } = (await callEngine(url, "POST", "/alerts/test", {})) as { channels: TestedChannel[] };
  for (const { channel, is_delivered: isDelivered, detail, duration_ms: ms } of channels)
    console.log(`${channel.padEnd(8)}  ${isDelivered ? "delivered" : "not delivered"}  ${detail}  ${ms} ms`);
  if (channels.some(({ is_delivered: isDelivered }) => !isDelivered)) process.exitCode = 1;
}
