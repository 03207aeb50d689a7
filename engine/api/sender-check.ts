// hot path
/**
 * Who may change something: whether a request can have been sent by a web page of somebody else.
 *
 * A browser sends a page's POST to this machine too. It says in Origin (and Sec-Fetch-Site) which page it was, which
 * must be one of this very address. A name that somebody points to 127.0.0.1 makes his page one of this address
 * (DNS rebinding): so on loopback, Host must be an IP address, localhost, or a name that the operator lists.
 * Programs other than browsers send neither Origin nor Sec-Fetch-Site, and pass.
 */

import type { HttpRequest } from "uWebSockets.js";
import { isIP } from "node:net";
import { EngineError } from "../core/errors.ts";

const LOOPBACK = /^(?:127\.|::1$|localhost$)/;
const JSON_TYPE = /^application\/json\s*(?:;|$)/i;

/** @throws EngineError FORBIDDEN */
export type SenderCheck = (req: Pick<HttpRequest, "getHeader">) => void;

/** @param names host names under which this engine is reached beside IP addresses and localhost, lower case. */
export function createSenderCheck(listensOn: string, names: readonly string[]): SenderCheck {
  const isLoopback = LOOPBACK.test(listensOn);
  let passed: string | undefined; // of nearly all requests the same Host
  return (req) => {
    const host = req.getHeader("host");
    if (isLoopback && host !== passed) {
      checkHost(host, names);
      passed = host;
    }
    const site = req.getHeader("sec-fetch-site");
    if (site !== "" && site !== "same-origin" && site !== "none") throw foreign("sec-fetch-site", site);
    const origin = req.getHeader("origin");
    if (origin !== "" && hostOf(origin) !== host.toLowerCase()) throw foreign("origin", origin);
  };
}

/**
 * A type that no HTML form and no fetch without the server's consent (CORS) can send.
 * @throws EngineError UNSUPPORTED_MEDIA_TYPE
 */
export function checkIsJson(req: Pick<HttpRequest, "getHeader">): void {
  if (JSON_TYPE.test(req.getHeader("content-type"))) return;
  const details = [{ field: "content-type", message: "must be application/json" }];
  throw new EngineError(
    "UNSUPPORTED_MEDIA_TYPE",
    "the body must be JSON: send the header content-type: application/json",
    { details },
  );
}

function checkHost(host: string, names: readonly string[]): void {
  const name = host
    .toLowerCase()
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1");
  if (name === "" || name === "localhost" || isIP(name) !== 0 || names.includes(name)) return;
  const details = [{ field: "host", message: "must be an IP address, localhost, or listed" }];
  throw new EngineError(
    "FORBIDDEN",
    `this engine is not known as ${JSON.stringify(name.slice(0, 256))}: use its IP address or localhost, or list the name in MILLRACE_HTTP_NAMES`,
    { details },
  );
}

/** Host and port of an origin as Host would have them; undefined for "null". */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}

function foreign(field: string, value: string): EngineError {
  const details = [{ field, message: "must be this engine's own" }];
  return new EngineError(
    "FORBIDDEN",
    `a web page of another site must not send this request (${field}: ${value.slice(0, 256)})`,
    { details },
  );
}
