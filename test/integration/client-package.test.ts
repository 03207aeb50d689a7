/**
 * The package as users get it: packed by npm, put into an empty project, checked there by TypeScript at its strictest, libraries
 * included, and run. Nothing is downloaded: what its types need is linked, and gone when it runs.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { startTestEngine } from "../support/engine.ts";
import { PROJECT, readModelFolder } from "../support/model-folder.ts";
import { pushBody, untilServed } from "../support/model-requests.ts";
import { clientBlock, readReadme } from "../support/readme.ts";
import { json, startScriptedServer } from "../support/scripted-server.ts";
import { createTempFolder, type TempFolder } from "../support/temp-folder.ts";

const run = promisify(execFile);
const TSC = join(PROJECT, "node_modules/typescript/bin/tsc");

const PROGRAM = `
import { MillraceClient, MillraceError } from "millrace/client";
import { connectNats } from "millrace/client/nats";
import type { Prediction } from "millrace/contract/predictions";

const client = new MillraceClient({ url: process.argv[2] ?? "", timeoutMs: 5_000 });
const prediction: Prediction = await client.predict({ model: "m", features: { x: 1, kind: "web" } });
const value: number = prediction.predicted_value;
const { jobs } = await client.training.ended({ limit: 1 }).catch((error: unknown) => {
  if (error instanceof MillraceError && error.code === "SERVICE_UNAVAILABLE") return { jobs: [] };
  throw error;
});
console.log(value, jobs.length);

// @ts-expect-error no value of a feature
const wrongFeature = () => client.predict({ features: { x: [1] } });
// @ts-expect-error no field of a prediction
const wrongField = () => prediction.predicted_valeu;
// @ts-expect-error no strategy
const wrongStrategy = () => client.models.deploy("m", "1.0.0", { strategy: "now" });
// @ts-expect-error no metric
const wrongMetric = () => client.monitoring.performance("m", { metric: "beauty" });
// @ts-expect-error no datatype
const wrongTensor = () => client.infer("m", { inputs: [{ name: "x", datatype: "FP8", shape: [1], data: [1] }] });
// @ts-expect-error no model
const wrongRequest = async () => (await connectNats("nats://127.0.0.1")).predict({ features: {} });
const floats = async (): Promise<Float32Array> =>
  (await client.infer("m", { inputs: [{ name: "x", shape: [1], data: Float32Array.of(1) }] })).data("y", "FP32");
void [wrongFeature, wrongField, wrongStrategy, wrongMetric, wrongTensor, wrongRequest, floats];
`;
const TSCONFIG = {
  compilerOptions: {
    module: "NodeNext",
    target: "ES2023",
    lib: ["ES2023"],
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  },
  files: ["main.ts", "readme.ts"],
};

describe("the package, installed", () => {
  let folder: TempFolder;
  let modules: string;
  before(async () => {
    folder = await createTempFolder("millrace-package-");
    modules = join(folder.path, "node_modules");
    await run(process.execPath, [TSC, "-p", join(PROJECT, "engine/client")]);
    const packed = await run(
      "npm",
      ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder.path],
      {
        cwd: PROJECT,
      },
    );
    await mkdir(join(modules, "millrace"), { recursive: true });
    const tarball = join(folder.path, packed.stdout.trim());
    await run("tar", ["-xzf", tarball, "--strip-components=1", "-C", join(modules, "millrace")]);
    await writeFile(join(folder.path, "package.json"), JSON.stringify({ type: "module" }));
    await writeFile(join(folder.path, "tsconfig.json"), JSON.stringify(TSCONFIG));
    await writeFile(join(folder.path, "main.ts"), PROGRAM);
    await writeFile(join(folder.path, "readme.ts"), clientBlock(readReadme()));
  });
  after(async () => folder[Symbol.asyncDispose]());

  it("has what the engine needs, and no tests", async () => {
    assert.deepEqual((await readdir(join(modules, "millrace/dist"))).sort(), [
      "bench",
      "engine",
      "storage",
      "streams",
      "workers",
    ]);
    assert.ok((await readdir(join(modules, "millrace/engine/sample/card-fraud"))).includes("model.onnx"));
  });

  it("type-checks in a strict project, and tells wrong calls", async () => {
    for (const name of ["zod", "@nats-io", "@types"]) await link(name);
    const checked = run(process.execPath, [TSC, "-p", folder.path]);
    await checked.catch((error: { stdout: string }) => assert.fail(error.stdout));
  });

  it("runs over HTTP without any other package", async () => {
    for (const name of ["zod", "@types"]) await rm(join(modules, name));
    const prediction = { predicted_value: 0.25 };
    await using server = await startScriptedServer(json(200, prediction), json(200, { jobs: [] }));
    const program =
      "import { MillraceClient } from 'millrace/client';" +
      "const client = new MillraceClient({ url: process.argv[1] });" +
      "console.log((await client.predict({ features: {} })).predicted_value);";
    await rm(join(modules, "@nats-io"));
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", program, server.url], {
      cwd: folder.path,
    });
    assert.equal(stdout.trim(), "0.25");
  });

  it("runs what was type-checked", async () => {
    for (const name of ["zod", "@nats-io"]) await link(name);
    await using server = await startScriptedServer(
      json(200, { predicted_value: 0.25 }),
      json(200, { jobs: [1] }),
    );
    const { stdout } = await run(process.execPath, ["main.js", server.url], { cwd: folder.path });
    assert.equal(stdout.trim(), "0.25 1");
  });

  it("runs the README's example on an engine", async () => {
    await using engine = await startTestEngine();
    const { manifest, files } = readModelFolder("test/fixtures/tensors/identity-fp32");
    const embedding = { manifest: { ...manifest, name: "embedding" }, files };
    assert.equal((await engine.post("/models", pushBody(embedding, "production"))).status, 201);
    await untilServed(engine, "embedding", "1.0.0");
    const program = (await readFile(join(folder.path, "readme.js"), "utf8"))
      .replace("http://127.0.0.1:8080", engine.httpUrl)
      .replace("nats://127.0.0.1:4222", engine.natsUrl);
    await writeFile(join(folder.path, "readme.js"), program);
    const { stdout } = await run(process.execPath, ["readme.js"], { cwd: folder.path });
    assert.match(stdout, /^fraud \[( '\w+',?){3} \]\n0\.\d+\n0\.\d+\nINVALID_FEATURES /);
    assert.match(stdout, /Float32Array\(6\) \[\s*1, 2, 3, 4, 5, 6\s*\]\norder-18 0\.\d+\n$/);
  });

  async function link(name: string): Promise<void> {
    const to = join(modules, name);
    await mkdir(dirname(to), { recursive: true });
    await symlink(join(PROJECT, "node_modules", name), to);
  }
});
