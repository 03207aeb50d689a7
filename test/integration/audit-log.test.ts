/**
 * Who changed what and why, in a whole engine: in `audit_log` once, whoever repeats it, and as events; and what a version
 * consists of.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { errorOf, jsonOf } from "../support/answers.ts";
import { runCli } from "../support/cli.ts";
import { startTestEngine, type TestEngine } from "../support/engine.ts";
import { eventually } from "../support/eventually.ts";
import { readModelFolder } from "../support/model-folder.ts";
import { pushBody, withManifest } from "../support/model-requests.ts";

const MODEL = readModelFolder("test/fixtures/regression");
const { name } = MODEL.manifest;

describe("the audit log", () => {
  let engine: TestEngine;
  let nats: NatsConnection;
  before(async () => {
    engine = await startTestEngine({ sample: false, env: { MILLRACE_WORKERS: "1" } });
    nats = await connect({ servers: engine.natsUrl });
    for (const version of ["1.0.0", "1.1.0"])
      assert.equal((await engine.post("/models", pushBody(withManifest(MODEL, { version })))).status, 201);
  });
  after(async () => {
    await nats?.close();
    await engine?.[Symbol.asyncDispose]();
  });

  const rows = async (): Promise<string[]> => {
    const found = await engine.sql<Record<string, string>>(
      "SELECT action, model_version, state_before, state_after, requested_by, reason FROM millrace.audit_log ORDER BY changed_date",
    );
    return found.map((row) => Object.values(row).join("|"));
  };
  const EXPECTED = [
    "registered|1.0.0|REGISTERED|REGISTERED|rest|",
    "registered|1.1.0|REGISTERED|REGISTERED|rest|",
    "promoted|1.0.0|REGISTERED|PRODUCTION|rest|first of all",
    "promoted|1.1.0|REGISTERED|PRODUCTION|ada|better on May",
    "rolled_back|1.0.0|REGISTERED|PRODUCTION|rest|complaints",
    "deprecated|1.1.0|REGISTERED|DEPRECATED|bob|worse",
  ];

  it("has every change once, with who and why", async () => {
    await engine.post(`/models/${name}/promote`, { version: "1.0.0", reason: "first of all" });
    const deployed = await runCli(
      [
        "models",
        "deploy",
        name,
        "1.1.0",
        "--strategy",
        "direct",
        "--by",
        "ada",
        "--reason",
        "better on May",
      ].concat("--url", engine.httpUrl),
    );
    assert.match(deployed.stdout, /1\.1\.0 +production/, deployed.stderr);
    await engine.post(`/models/${name}/rollback`, { reason: "complaints" });
    const body = { version: "1.1.0", requested_by: "bob", reason: "worse" };
    const answer = await jsonOf<{ states: unknown }>(await engine.post(`/models/${name}/deprecate`, body));
    assert.deepEqual(answer.states, { "1.0.0": "PRODUCTION", "1.1.0": "DEPRECATED" });
    await eventually("all is stored", async () => (await rows()).length >= EXPECTED.length, 20_000);
    assert.deepEqual(await rows(), EXPECTED);
  });

  it("drops what comes again, also when the stream takes it for something new", async () => {
    const manager = await jetstreamManager(nats);
    const first = await manager.streams.getMessage("MILLRACE_AUDIT", { seq: 1 });
    assert.ok(first !== null);
    await jetstream(nats).publish("millrace.audit.0", first.data, { msgID: "another" });
    await jetstream(nats).publish("millrace.audit.0", "no JSON at all");
    await engine.post(`/models/${name}/promote`, { version: "1.0.0", alias: "staging", reason: "behind" });
    const last = "promoted|1.0.0|PRODUCTION|PRODUCTION|rest|behind";
    await eventually("what came after is stored", async () => (await rows()).at(-1) === last, 20_000);
    assert.deepEqual(await rows(), [...EXPECTED, last]);
    await eventually("the damaged one is a dead letter", async () => {
      const dead = await manager.streams.getMessage("MILLRACE_DEAD", {
        last_by_subj: "millrace.dead.MILLRACE_AUDIT",
      });
      return dead?.string() === "no JSON at all";
    });
  });

  it("is told as events too", async () => {
    const manager = await jetstreamManager(nats);
    const event = await manager.streams.getMessage("MILLRACE_EVENTS", {
      last_by_subj: "millrace.events.model_rolled_back",
    });
    const { model_name, model_version, replaced_version, reason } =
      event?.json<Record<string, string>>() ?? {};
    assert.deepEqual(
      [model_name, model_version, replaced_version, reason],
      [name, "1.0.0", "1.1.0", "complaints"],
    );
  });

  it("goes on where it was after kill -9", async () => {
    const before = await rows();
    await engine.post(`/models/${name}/promote`, { version: "1.0.0", alias: "partner" });
    await engine.kill9();
    await engine.start();
    const last = "promoted|1.0.0|PRODUCTION|PRODUCTION|rest|";
    await eventually("the change is stored", async () => (await rows()).length > before.length, 20_000);
    assert.deepEqual(await rows(), [...before, last]);
  });

  it("stands beside what a version consists of: files with digests, each to be had", async () => {
    const path = `/api/v1/models/artifacts/${name}@1.0.0`;
    const artifact = await jsonOf<{
      digest: string;
      signature: unknown;
      files: { path: string; sha256: string }[];
    }>(await engine.get(path));
    assert.match(artifact.digest, /^[0-9a-f]{64}$/);
    assert.equal(artifact.signature, null);
    assert.deepEqual(
      artifact.files.map((file) => file.path),
      [...MODEL.files.keys()].sort(),
    );
    const listed = artifact.files.find((file) => file.path === "model.onnx");
    const bytes = Buffer.from(await (await engine.get(`${path}?file=model.onnx`)).arrayBuffer());
    assert.equal(createHash("sha256").update(bytes).digest("hex"), listed?.sha256);
    assert.ok(bytes.equals(MODEL.files.get("model.onnx") ?? new Uint8Array()));
    await errorOf(await engine.get(`${path}?file=../x`), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.get(`/api/v1/models/artifacts/${name}@9.0.0`), 404, "MODEL_NOT_FOUND");
    await errorOf(await engine.get("/api/v1/models/artifacts/nonsense"), 404, "MODEL_NOT_FOUND");
  });

  it("has nothing of a deployment that was refused", async () => {
    const before = await rows();
    const path = `/api/v1/models/deploy/${name}@1.0.0`;
    for (const [body, field] of [
      [{ strategy: "slowly" }, "strategy"],
      [{ strategy: "staging", steps: [] }, "steps"],
      [{ strategy: "canary", steps: [{ share: 2, duration: "1m" }] }, "steps.0.share"],
      [{ strategy: "canary", limits: { error_rate: -1 } }, "limits.error_rate"],
    ] as const) {
      const error = await errorOf(await engine.post(path, body), 400, "INVALID_REQUEST");
      assert.ok(
        error.details.some((detail) => detail.field === field),
        JSON.stringify(error),
      );
    }
    const error = await errorOf(await engine.post(path, { strategy: "canary" }), 409, "CONFLICT");
    assert.match(error.message, /in production already/);
    assert.deepEqual(await rows(), before);
  });
});
