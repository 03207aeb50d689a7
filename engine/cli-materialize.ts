/**
 * `millrace features materialize`: orders that the online store be filled anew, and shows how far that is.
 */
import { setTimeout as delay } from "node:timers/promises";
import { callEngine } from "./cli-http.ts";
import { EngineError } from "./core/errors.ts";

const POLL_MS = 500;
/** The ingester tells where it is every second; after this long without the order it does not have it any more. */
const FORGOTTEN_MS = 5_000;

interface Status {
  readonly ordered: number;
  readonly filled: number;
  readonly backfill?: {
    readonly entityType: string;
    readonly entities: number;
    readonly rows: number;
    readonly rowsTotal: number;
  };
}

/** @throws EngineError SERVICE_UNAVAILABLE when nobody ingests, or the ingester was started anew meanwhile. */
export async function materialize({ url }: { readonly url: string }): Promise<void> {
  const { order } = (await callEngine(url, "POST", "/features/materialize", {})) as { order: number };
  console.log("ordered; the ingester begins when ClickHouse has all events");
  let knownMs = performance.now();
  let shown = "";
  for (;;) {
    const { ordered, filled, backfill } = (await callEngine(url, "GET", "/features/materialize")) as Status;
    if (filled >= order) break;
    if (ordered >= order) knownMs = performance.now();
    else if (performance.now() - knownMs > FORGOTTEN_MS)
      throw new EngineError(
        "SERVICE_UNAVAILABLE",
        "the ingester was started anew meanwhile: give the order again",
      );
    const line = backfill === undefined ? "" : toLine(backfill);
    if (line !== "" && line !== shown) console.log(line);
    shown = line;
    await delay(POLL_MS);
  }
  console.log("the online store is filled");
}

function toLine({ entityType, entities, rows, rowsTotal }: NonNullable<Status["backfill"]>): string {
  const percent = rowsTotal === 0 ? 100 : Math.floor((100 * rows) / rowsTotal);
  return `${entityType}: ${percent} %, ${entities} entities, ${rows} of ${rowsTotal} events`;
}
