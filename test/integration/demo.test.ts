/**
 * The demo, whole and as its users start it, with a shorter calm: the loop is closed step by step while no request fails.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { STEPS } from "../../engine/demo/demo-story.ts";
import { type CliResult, outcomeOf } from "../support/cli.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const CLI = fileURLToPath(new URL("../../engine/cli.js", import.meta.url));
/** Payments end by then, and with them the demo. */
const SECONDS_MAX = 300;
/** Of ROC AUC: what separates the old model on the new payments from one that has learned them is some 0.6. */
const RECOVERY = 0.3;

describe("millrace demo", () => {
  it("shows drift found, a model retrained, judged and deployed, and the quality recovered, without a failed request", async () => {
    await using folder = await createTempFolder();
    const { code, stdout, stderr } = await runDemo(folder.path);
    const all = `${stdout}\n${stderr}`;
    assert.equal(code, 0, all);
    const seconds = STEPS.map((step) =>
      Number(new RegExp(`^  ${step} +([0-9.]+) s$`, "m").exec(stdout)?.[1]),
    );
    assert.deepEqual(
      seconds,
      seconds.toSorted((one, other) => one - other),
      all,
    );
    assert.equal(seconds.some(Number.isNaN), false, all);
    const [before, worst, after] =
      /^ROC AUC +before ([0-9.]+) +worst ([0-9.]+) +after ([0-9.]+)$/m.exec(stdout)?.slice(1).map(Number) ??
      [];
    assert.ok(Number(worst) < Number(before) - RECOVERY && Number(after) > Number(worst) + RECOVERY, all);
    assert.match(stdout, /^Predictions +[1-9][0-9]+ answered, 0 failed$/m);
    for (const told of [
      /drift found, critical: PSI of amount/,
      /retraining requested, for drift/,
      /training: reading/,
      /gate passed: roc_auc 0\.[0-9]+ against 0\.[0-9]+ on [0-9]+ rows/,
      /card-fraud 1\.1\.0 registered/,
      /card-fraud 1\.1\.0 promoted/,
    ])
      assert.match(stdout, told);
    assert.equal(stdout.includes("\x1b"), false);
    // libraries leave files of their own in the folder for temporary ones
    const left = readdirSync(folder.path).filter((name) => name.startsWith("millrace-demo-"));
    assert.deepEqual(left, []);
  });
});

/** With folders of its own in `folder`, and an engine's settings about that are not the demo's. */
async function runDemo(folder: string): Promise<CliResult> {
  const args = ["--max-semi-space-size=64", CLI, "demo", "--calm", "20", "--seconds", String(SECONDS_MAX)];
  const env = { ...process.env, TMPDIR: folder, NATS_URL: "nats://127.0.0.1:1", MILLRACE_DATABASE: "other" };
  return outcomeOf(spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] }));
}
