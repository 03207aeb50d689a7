/**
 * What the monitor finds about a canary's rows ends it; what it found about others, before, or of less weight does not.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pino } from "pino";
import { withdrawDrifted } from "../../../../engine/deployments/canary-drift.ts";
import {
  createIncidentState,
  type Incident,
  type IncidentState,
} from "../../../../engine/monitor/drift/incident.ts";
import { canaryRecord } from "../../../support/canaries.ts";

const SERIES = { model: "mixed", version: "2.0.0", variant: "canary" };
const STARTED_MS = Date.parse(canaryRecord().started_at);

function incident(change: Partial<Incident>): Incident {
  const column = { column: "amount", sinceMs: 0, joinedMs: 0, psiMax: 0.4, problems: [] };
  return {
    ...SERIES,
    id: "0198c0de-0000-8000-8000-000000000000",
    cause: "drift",
    referenceId: "r",
    severity: "critical",
    firstWindowMs: STARTED_MS,
    openedMs: STARTED_MS + 1,
    columns: [column],
    ...change,
  };
}

function stateWith(open: Incident): IncidentState {
  const state = createIncidentState(SERIES);
  return { ...state, causes: { ...state.causes, [open.cause]: { tracks: {}, incident: open } } };
}

async function withdrawnFor(open: Incident, variant = "canary"): Promise<string | undefined> {
  let found: string | undefined;
  const state = JSON.stringify(stateWith(open));
  await withdrawDrifted("mixed", canaryRecord(), {
    reports: {
      latest: async () => [
        { variant, windowStartMs: STARTED_MS, windowEndMs: STARTED_MS + 1, state, rows: [] },
      ],
    },
    registry: {
      withdrawCanary: async (_model, _canary, _details, { reason }) => {
        found = reason;
      },
    },
    logger: pino({ level: "silent" }),
  });
  return found;
}

describe("canary-drift", () => {
  it("withdraws for a critical incident of drift, and for any of data quality", async () => {
    assert.equal(await withdrawnFor(incident({})), "drift incident in amount");
    const broken = incident({ cause: "data_quality" });
    assert.equal(await withdrawnFor(broken), "data_quality incident in amount");
  });

  it("does nothing for a warning, an incident of before, or one of the champion", async () => {
    assert.equal(await withdrawnFor(incident({ severity: "warning" })), undefined);
    assert.equal(await withdrawnFor(incident({ openedMs: STARTED_MS - 1 })), undefined);
    assert.equal(await withdrawnFor(incident({}), ""), undefined);
  });
});
