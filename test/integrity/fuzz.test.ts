/**
 * A few hundred requests made from the engine's own description: no server error that is not honest, and every answer as described.
 * The large run is `node dist/bench/fuzz.js`, which also installs what this needs.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fuzzRound } from "../../bench/fuzz-round.ts";
import { startTestEngine } from "../support/engine.ts";
import { askGenerated } from "../support/generated-requests.ts";
import { PROJECT } from "../support/model-folder.ts";
import { createRandom } from "../support/random.ts";

const PYTHON = join(PROJECT, ".peers/fuzz/bin/python");
const EXAMPLES = 8;
const CASES_MIN = 200;
const OWN_CASES = 2_000;

const skip = existsSync(PYTHON)
  ? false
  : "schemathesis is not installed: node dist/bench/fuzz.js installs it";

test("requests of the project's own making get answers as described, and no server errors", async () => {
  await using engine = await startTestEngine();
  const seed = createRandom().seed;
  const { answers, found } = await askGenerated({ url: engine.httpUrl, cases: OWN_CASES, seed });
  assert.deepEqual(found, [], `seeds from ${seed}`);
  assert.ok((answers.get(200) ?? 0) > OWN_CASES / 20 && (answers.get(400) ?? 0) > OWN_CASES / 20);
  assert.equal((await engine.get("/ready")).status, 200);
});

test("requests of schemathesis get answers as described, and no server errors", { skip }, async () => {
  await using engine = await startTestEngine();
  const seed = createRandom().seed;
  const { answers, isClean, output } = await fuzzRound({
    python: PYTHON,
    url: engine.httpUrl,
    seed,
    examples: EXAMPLES,
  });
  assert.ok(isClean, `seed ${seed}:\n${output.slice(0, 20_000)}`);
  const cases = Object.values(answers).reduce((sum, count) => sum + count, 0);
  assert.ok(cases >= CASES_MIN, `${cases} cases`);
  assert.ok((answers["200"] ?? 0) > 0 && (answers["400"] ?? 0) > 0, JSON.stringify(answers));
  // a request may have taken it out of production
  assert.equal((await engine.post("/v2/repository/models/card-fraud/load", {})).status, 200);
  assert.equal((await engine.get("/ready")).status, 200);
});
