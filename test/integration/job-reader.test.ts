/** The reader of training jobs on a real nats-server, when it is stopped. */
import assert from "node:assert/strict";
import { it } from "node:test";
import { JobReader } from "../../streams/job-reader.ts";
import { eventually } from "../support/eventually.ts";
import { startTestNats } from "../support/nats.ts";
import { RetrainEngine } from "../support/retrain.ts";

it("a stop ends the waiting for a job at once, and not when the pull runs out", async () => {
  await using nats = await startTestNats();
  const engine = await RetrainEngine.open(nats.url, "stop");
  const { client, manager, topology } = engine;
  const [stopped, other] = [0, 1].map(() => new JobReader({ client, manager, topology }));
  const ended: string[] = [];
  const stoppedPull = stopped?.next().then((job) => ended.push(`stopped: ${job?.model}`));
  const otherPull = other?.next().then((job) => ended.push(`other: ${job?.model}`));
  const pulls = async (): Promise<number> =>
    (await manager.consumers.info(topology.retrainStream, "trainers")).num_waiting;
  await eventually("both wait", async () => (await pulls()) === 2);
  stopped?.stop();
  await stoppedPull;
  assert.deepEqual(ended, ["stopped: undefined"]);
  assert.equal(await stopped?.next(), undefined);
  assert.deepEqual(ended, ["stopped: undefined"]);
  await otherPull;
  await engine.close();
});
