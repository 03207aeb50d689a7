/** What a CPU profile says of functions and components. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { byComponent, byFunction, type CpuProfile, toFrames } from "../../../bench/cpu-profile.ts";
import { componentOf } from "../../../bench/profile-components.ts";

const ROOT = "file:///somewhere/dist";

function node(id: number, functionName: string, url: string, children: number[] = []) {
  return { id, callFrame: { functionName, url }, children };
}

/** (root) → idle | readBody → parseJson, cork (native); (root) → readBody once more → parseJson */
const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(root)", "", [2, 3, 6]),
    node(2, "(idle)", ""),
    node(3, "readBody", `${ROOT}/engine/api/exchange.js`, [4, 5]),
    node(4, "parseJson", `${ROOT}/engine/api/exchange.js`),
    node(5, "cork", ""),
    node(6, "readBody", `${ROOT}/engine/api/exchange.js`, [7]),
    node(7, "parseJson", `${ROOT}/engine/api/exchange.js`),
  ],
  // a sample lasts until the next: the first delta is from the start of the profile to the first sample
  samples: [2, 4, 4, 5, 3, 7, 2],
  timeDeltas: [900, 100, 10, 20, 30, 40, 50],
};

describe("a CPU profile", () => {
  it("gives each sample the time until the next one, and joins equal calls", () => {
    const root = toFrames(PROFILE);
    assert.equal(root.value, 250);
    assert.deepEqual(
      root.children.map(({ name, self, value }) => [name, self, value]),
      [
        ["(idle)", 100, 100],
        ["readBody", 40, 150],
      ],
    );
    assert.deepEqual(
      root.children[1]?.children.map(({ name, self, value }) => [name, self, value]),
      [
        ["parseJson", 80, 80],
        ["cork", 30, 30],
      ],
    );
  });

  it("counts native code for its caller's component", () => {
    assert.deepEqual(Object.fromEntries(byComponent([toFrames(PROFILE)])), {
      other: 0,
      idle: 100,
      http: 70,
      parse: 80,
    });
  });

  it("lists functions of all threads by their own time, without idling", () => {
    const functions = byFunction([toFrames(PROFILE), toFrames(PROFILE)]);
    assert.deepEqual(
      functions.map(({ name, file, self }) => [name, file, self]),
      [
        ["parseJson", "engine/api/exchange.ts", 160],
        ["readBody", "engine/api/exchange.ts", 80],
        ["cork (native)", "engine/api/exchange.ts", 60],
      ],
    );
  });
});

describe("a function's component", () => {
  it("follows from its file, and from its name where a file has several", () => {
    assert.equal(componentOf("atomicsWaitLoop", "piscina/dist/worker.js"), "idle");
    assert.equal(componentOf("postTask", "piscina/dist/worker_pool/index.js"), "handover");
    assert.equal(componentOf("writeLogRow", "engine/log-row.ts"), "log: encode");
    assert.equal(componentOf("publish", "streams/publisher.ts"), "log: publish");
    assert.equal(componentOf("answer", "engine/api/predict-routes.ts"), "answer");
    assert.equal(componentOf("run", "onnxruntime-common/dist/cjs/inference-session-impl.js"), "inference");
    assert.equal(componentOf("#dispatch", "engine/dispatcher.ts"), "dispatch");
    assert.equal(componentOf("writeHeader", ""), undefined);
  });
});
