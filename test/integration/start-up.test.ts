/**
 * What the command line says before an engine runs: help, settings that do not fit, ports that are taken.
 */
import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { describe, it } from "node:test";
import { SETTINGS } from "../../engine/core/config.ts";
import { type CliResult, runCli } from "../support/cli.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const FREE_PORTS = {
  MILLRACE_HTTP_PORT: "0",
  MILLRACE_GRPC_PORT: "0",
  MILLRACE_NATS_PORT: "0",
  MILLRACE_CLICKHOUSE_PORT: "0",
  MILLRACE_REDIS_PORT: "0",
};

async function serve(env: Readonly<Record<string, string>>): Promise<CliResult> {
  await using folder = await createTempFolder();
  const defaults = { ...FREE_PORTS, MILLRACE_DATA_DIR: folder.path, MILLRACE_LOG_LEVEL: "error" };
  return runCli(["serve"], { ...defaults, ...env });
}

async function listen(): Promise<{ server: Server; port: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { server, port: String(address.port) };
}

describe("the command line", () => {
  const commands = [
    [],
    ["serve"],
    ["models"],
    ["simulate"],
    ...["push", "list", "show", "promote", "rollback", "archive"].map((verb) => ["models", verb]),
  ];
  for (const command of commands) {
    it(`explains millrace ${command.join(" ")} with --help`, async () => {
      const { code, stdout, stderr } = await runCli([...command, "--help"]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, new RegExp(`^Usage: ${["millrace", ...command].join(" ")}`));
      assert.equal(stderr, "");
    });
  }

  it("lists every setting in the help of serve", async () => {
    const { stdout } = await runCli(["serve", "--help"]);
    for (const { env, about } of Object.values(SETTINGS)) {
      assert.ok(stdout.includes(env), env);
      assert.ok(stdout.includes(about), about);
    }
  });

  it("refuses an unknown command, option and role, and points to the help", async () => {
    for (const args of [["surf"], ["serve", "--colour"], ["serve", "--roles", "king"], ["models", "eat"]]) {
      const { code, stderr } = await runCli(args);
      assert.notEqual(code, 0);
      assert.match(stderr, /^error: .*'.*'/);
      assert.match(stderr, /\(millrace --help shows what there is\)/);
    }
  });

  it("refuses an unknown setting and every wrong one at once, by name", async () => {
    const { code, stderr } = await serve({
      MILLRACE_QUEUE_ROW_MAX: "1",
      MILLRACE_WORKERS: "many",
      MILLRACE_LOG_ACK: "perhaps",
      NATS_URL: "nonsense",
    });
    assert.equal(code, 1);
    assert.match(stderr, /^millrace: the environment does not fit:/);
    assert.match(stderr, /MILLRACE_QUEUE_ROW_MAX: is no setting/);
    for (const name of ["MILLRACE_WORKERS", "MILLRACE_LOG_ACK", "NATS_URL"])
      assert.match(stderr, new RegExp(`${name}: `));
    assert.doesNotMatch(stderr, /\n +at /);
  });

  for (const variable of [
    "MILLRACE_HTTP_PORT",
    "MILLRACE_GRPC_PORT",
    "MILLRACE_NATS_PORT",
    "MILLRACE_CLICKHOUSE_PORT",
  ]) {
    it(`ends with a clear error when the port asked for by ${variable} is taken`, async () => {
      const { server, port } = await listen();
      try {
        const { code, stderr } = await serve({ [variable]: port });
        assert.equal(code, 1, stderr);
        assert.match(stderr, new RegExp(`^millrace: .*port ${port} .*${variable}`, "m"));
      } finally {
        server.close();
      }
    });
  }

  it("ends with a clear error when a service that is named cannot be reached", async () => {
    const { code, stderr } = await serve({ NATS_URL: "nats://user:secret@127.0.0.1:9" });
    assert.equal(code, 1);
    assert.match(stderr, /^millrace: NATS at nats:\/\/127\.0\.0\.1:9 cannot be reached .*NATS_URL/m);
    assert.doesNotMatch(stderr, /secret/);
  });
});
