/**
 * The engine's description for programs and for people: `GET /openapi.json`, and `GET /docs`, a page that shows it.
 *
 * The page and all it loads come from this engine, and its content security policy allows nothing else: no foreign host, no
 * inline script. Both the description and the page's files are made or read once, when they are asked for first.
 */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { z } from "zod";
import { EngineError } from "../core/errors.ts";
import type { Exchange } from "./exchange.ts";
import type { Route } from "./http-server.ts";
import { openApi } from "./openapi.ts";
import { textIn } from "./path-name.ts";

const HOUR_CACHED = { "cache-control": "public, max-age=3600" };
const PAGE_HEADERS = {
  "cache-control": "no-cache",
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};
const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Millrace API</title>
<link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`;
/** No validator of a foreign host, and no authorization to keep. */
const START = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#api", deepLinking: true, validatorUrl: null, tryItOutEnabled: true });
`;
/** Of swagger-ui-dist, by name. */
const FILE_TYPES = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
  "favicon-32x32.png": "image/png",
} as const;

const text = z.string();
const bytes = z.unknown();

/** @param routes all of the server, these among them; asked for when all are there. */
export function docsRoutes(routes: () => readonly Route[]): Route[] {
  let description: string | undefined;
  const files = new Map<string, Promise<Buffer>>();
  return [
    {
      method: "get",
      path: "/openapi.json",
      describes: {
        tag: "Documentation",
        summary: "This API as OpenAPI 3.1",
        answers: { 200: z.looseObject({ openapi: z.string() }) },
        errors: [],
      },
      handle: (exchange) => {
        description ??= JSON.stringify(openApi(routes()));
        exchange.sendJson(description);
      },
    },
    {
      method: "get",
      path: "/docs",
      describes: {
        tag: "Documentation",
        summary: "This API as a page",
        answers: { 200: { "text/html": text } },
        errors: [],
      },
      handle: (exchange) => exchange.send(200, "text/html; charset=utf-8", PAGE, PAGE_HEADERS),
    },
    {
      method: "get",
      path: "/docs/:file",
      describes: {
        tag: "Documentation",
        summary: "What the page loads",
        path: { file: z.enum([...Object.keys(FILE_TYPES), "start.js"]) },
        answers: { 200: { "text/css": text, "text/javascript": text, "image/png": bytes } },
        errors: ["ROUTE_NOT_FOUND"],
      },
      handle: (exchange, req) => {
        const name = textIn(req, 0);
        exchange.guardAsync(async () => sendFile(exchange, name, files));
      },
    },
  ];
}

async function sendFile(
  exchange: Exchange,
  name: string,
  files: Map<string, Promise<Buffer>>,
): Promise<void> {
  if (name === "start.js") return exchange.send(200, FILE_TYPES["swagger-ui-bundle.js"], START, HOUR_CACHED);
  if (!Object.hasOwn(FILE_TYPES, name))
    throw new EngineError("ROUTE_NOT_FOUND", "the page loads no such file; see GET /docs");
  let file = files.get(name);
  if (file === undefined)
    files.set(name, (file = readFile(createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`))));
  exchange.send(200, FILE_TYPES[name as keyof typeof FILE_TYPES], await file, HOUR_CACHED);
}
