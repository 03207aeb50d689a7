/** The process of a load generator: one job in, its result out. */
import { generate } from "./generator.ts";
import { openHttp } from "./http-driver.ts";
import type { LoadJob } from "./job.ts";
import { openNats } from "./nats-driver.ts";

process.once("message", (job: LoadJob) => void run(job));
process.once("disconnect", () => process.exit(0));

async function run(job: LoadJob): Promise<void> {
  try {
    const { url, subject, bodies } = job;
    const driver = subject === undefined ? await openHttp(job) : await openNats(url, subject, bodies);
    const result = await generate(job, driver);
    await driver.close();
    process.send?.({ result });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
}
