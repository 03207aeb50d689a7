/**
 * `GET /` for a browser: what runs, where, and what to try. One self-contained page, no script, no foreign host.
 */
import { htmlText as text } from "../core/html-text.ts";

interface Card {
  readonly version: string;
  readonly status: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly components: Readonly<Record<string, string>>;
  readonly models: readonly unknown[];
  readonly endpoints: readonly string[];
}

interface ModelLine {
  readonly name: string;
  readonly version: string;
  readonly runtime: string;
  readonly aliases: readonly string[];
  readonly description?: string;
}

export function homePage(card: Card): string {
  const models = (card.models as readonly ModelLine[]).map(
    (model) =>
      `<tr><td>${text(model.name)}</td><td>${text(model.version)}</td><td>${text(model.aliases.join(", "))}</td><td>${text(model.runtime)}</td><td>${text(model.description ?? "")}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Millrace</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a2430; background: #fff }
  h1 { margin: 0 } h2 { margin: 2rem 0 .5rem; font-size: 1.1rem }
  table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #dde3ea; vertical-align: top }
  code { font: 14px ui-monospace, monospace }
  .state { display: inline-block; padding: 0 .6rem; border-radius: 1rem; background: #d9f2e3; color: #0d5c2f }
  .down, .degraded, .stopping { background: #fde0dc; color: #8c1c0f } .absent, .starting { background: #eceff3; color: #4a5663 }
  @media (prefers-color-scheme: dark) { body { color: #dfe6ee; background: #12181f } td, th { border-color: #2b3643 } }
</style>
<h1>Millrace <span class="state ${text(card.status)}">${text(card.status)}</span></h1>
<p>Version ${text(card.version)}. <a href="/docs">All of the API</a>. Program? Ask for JSON: <code>curl ${text(card.addresses["http"] ?? "")}/</code></p>
<h2>Models</h2>
<table><tr><th>Model</th><th>Version</th><th>Aliases</th><th>Runtime</th><th></th></tr>${models.join("")}</table>
<h2>Addresses</h2>
<table>${pairs(card.addresses, (value) => `<code>${text(value)}</code>`)}</table>
<h2>Components</h2>
<table>${pairs(card.components, (value) => `<span class="state ${text(value)}">${text(value)}</span>`)}</table>
<h2>Endpoints</h2>
<table>${card.endpoints.map((endpoint) => `<tr><td><code>${text(endpoint)}</code></td></tr>`).join("")}</table>
</html>
`;
}

function pairs(record: Readonly<Record<string, string>>, show: (value: string) => string): string {
  return Object.entries(record)
    .map(([name, value]) => `<tr><td>${text(name)}</td><td>${show(value)}</td></tr>`)
    .join("");
}
