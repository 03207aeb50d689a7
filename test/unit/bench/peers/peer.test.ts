/** How peers are asked and read. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readVersions } from "../../../../bench/peers/package-list.ts";
import { PEERS, type Peer } from "../../../../bench/peers/peer.ts";

const peer = (folder: string): Peer => PEERS.find((one) => one.folder === folder) as Peer;

describe("a peer", () => {
  it("of the Open Inference Protocol is asked with a tensor of one row and read from its first output", () => {
    const { toBody, probability } = peer("triton");
    assert.deepEqual(toBody({ a: 1, b: 2.5 }), {
      inputs: [{ name: "features", shape: [1, 2], datatype: "FP32", data: [1, 2.5] }],
    });
    assert.equal(probability({ outputs: [{ name: "probabilities", data: [0.25, 0.75] }] }), 0.75);
  });

  it("of another kind is asked with the features by name, or with rows", () => {
    assert.deepEqual(peer("fastify").toBody({ a: 1 }), { features: { a: 1 } });
    assert.equal(peer("fastify").probability({ probability: 0.75 }), 0.75);
    assert.deepEqual(peer("bentoml").toBody({ a: 1, b: 2 }), { features: [[1, 2]] });
    assert.equal(peer("bentoml").probability([[0.25, 0.75]]), 0.75);
  });

  it("that answers something else has no probability", () => {
    for (const { name, probability } of PEERS) assert.equal(probability({}), Number.NaN, name);
  });
});

describe("a list of packages", () => {
  it("says which versions are pinned", () => {
    assert.deepEqual(readVersions("# a comment\nray[serve]==2.60.0\n\nnumpy==2.4.6\n"), {
      "ray[serve]": "2.60.0",
      numpy: "2.4.6",
    });
    assert.deepEqual(readVersions('{ "dependencies": { "fastify": "5.12.8" } }'), { fastify: "5.12.8" });
  });
});
