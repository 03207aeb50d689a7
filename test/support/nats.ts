/**
 * A real nats-server for one test file, on a free port, with a store folder that goes when the fixture goes.
 */
import { pino } from "pino";
import { type NatsServerOptions, startNatsServer } from "../../engine/embedded/nats-server.ts";
import { eventually } from "./eventually.ts";
import { createTempFolder } from "./temp-folder.ts";

export interface TestNats extends AsyncDisposable {
  readonly url: string;
  /** Data directory of the server, for tests that look at or damage its files. */
  readonly dataDir: string;
  pid(): number | undefined;
  /** Kills the server with SIGKILL and returns once its supervisor has it back, on the same port with its data. */
  kill9(): Promise<void>;
  /** Stops the server and removes its data. Idempotent. */
  stop(): Promise<void>;
}

export async function startTestNats(
  options: Pick<NatsServerOptions, "payloadBytesMax"> = {},
): Promise<TestNats> {
  const folder = await createTempFolder("millrace-nats-");
  const logger = pino({ level: "silent" });
  const service = await startNatsServer({ dataDir: folder.path, port: 0, logger, ...options });
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= service.stop().then(() => folder[Symbol.asyncDispose]());
    return stopping;
  };
  return {
    url: service.url,
    dataDir: folder.path,
    pid: () => service.pid(),
    kill9: async () => {
      const pid = service.pid();
      if (pid === undefined) throw new Error("nats-server is down");
      process.kill(pid, "SIGKILL");
      await eventually(
        "nats-server is back",
        () => service.state === "ready" && service.pid() !== pid,
        15_000,
      );
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
