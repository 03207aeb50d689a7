/**
 * What onnx-inspect must find in files made here, field by field: hidden external data and foreign operators at
 * every place of the format, damage of any kind, and graphs nested without end.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PbfWriter } from "pbf";
import { EngineError } from "../../../engine/core/errors.ts";
import { inspectOnnx } from "../../../workers/onnx-inspect.ts";
import { readModelFolder } from "../../support/model-folder.ts";

type Write = (pbf: PbfWriter) => void;

/** A message of `fields`: number, then a nested writer, text or a number. */
function message(...fields: readonly (readonly [number, Write | string | number])[]): Write {
  return (pbf) => {
    for (const [field, value] of fields) {
      if (typeof value === "string") pbf.writeStringField(field, value);
      else if (typeof value === "number") pbf.writeVarintField(field, value);
      else pbf.writeMessage(field, (_: unknown, inner: PbfWriter) => value(inner), undefined);
    }
  };
}

function bytesOf(write: Write): Uint8Array {
  const pbf = new PbfWriter();
  write(pbf);
  return pbf.finish();
}

const value = (name: string): Write =>
  message(
    [1, name],
    [2, message([1, message([1, 1], [2, message([1, message([2, "rows"])], [1, message([1, 3])])])])],
  );
const node = (...fields: readonly (readonly [number, Write | string | number])[]): Write =>
  message([4, "Identity"], ...fields);
const graph = (...fields: readonly (readonly [number, Write | string | number])[]): Write =>
  message([11, value("x")], [12, value("y")], ...fields);
const model = (...fields: readonly (readonly [number, Write | string | number])[]): Uint8Array =>
  bytesOf(message([1, 8], [8, message([2, 17])], ...fields));

const external = message([8, "w"], [14, 1]);
const located = message([8, "w"], [13, message([1, "location"], [2, "/etc/passwd"])]);
const sparse = message([1, external]);
const custom = node([7, "com.example"]);
const branch = (inner: Write): Write => graph([1, node([5, message([1, "then_branch"], [6, inner])])]);

function expectRefusal(bytes: Uint8Array, says: RegExp): void {
  assert.throws(
    () => inspectOnnx(bytes, "model.onnx"),
    (error: unknown) => {
      assert.ok(error instanceof EngineError, String(error));
      assert.equal(error.code, "MODEL_INVALID");
      assert.match(error.message, says);
      return true;
    },
  );
}

describe("onnx-inspect", () => {
  it("lists inputs and outputs with type and shape", () => {
    assert.deepEqual(inspectOnnx(model([7, graph([1, node()])]), "model.onnx"), {
      inputs: [{ name: "x", kind: "tensor", type: "float32", shape: [undefined, 3] }],
      outputs: [{ name: "y", kind: "tensor", type: "float32", shape: [undefined, 3] }],
      operators: ["Identity"],
    });
  });

  it("leaves initializers out of the inputs", () => {
    const bytes = model([7, graph([11, value("w")], [5, message([8, "w"])])]);
    assert.deepEqual(
      inspectOnnx(bytes, "model.onnx").inputs.map(({ name }) => name),
      ["x"],
    );
  });

  const attribute = (field: number, content: Write): Write =>
    graph([1, node([5, message([field, content])])]);
  const places: readonly (readonly [string, Uint8Array])[] = [
    ["an initializer", model([7, graph([5, external])])],
    ["an initializer with a location only", model([7, graph([5, located])])],
    ["a node's tensor", model([7, attribute(5, external)])],
    ["a node's list of tensors", model([7, attribute(10, external)])],
    ["a sparse initializer", model([7, graph([15, sparse])])],
    ["the indices of a sparse initializer", model([7, graph([15, message([2, external])])])],
    ["a node's sparse tensor", model([7, attribute(22, sparse)])],
    ["a node's list of sparse tensors", model([7, attribute(23, sparse)])],
    ["a branch", model([7, branch(graph([5, external]))])],
    ["a branch of a branch", model([7, branch(branch(graph([5, external])))])],
    ["a list of graphs", model([7, attribute(11, graph([5, external]))])],
    ["a function", model([7, graph()], [25, message([7, node([5, message([5, external])])])])],
    ["a default of a function", model([7, graph()], [25, message([11, message([5, external])])])],
    ["a training graph", model([7, graph()], [20, message([1, graph([5, external])])])],
  ];
  for (const [place, bytes] of places) {
    it(`finds external data in ${place}`, () => expectRefusal(bytes, /"w" keeps its data outside the file/));
  }

  it("finds operators of a foreign domain in graph, branch and function, and functions themselves", () => {
    expectRefusal(model([7, graph([1, custom])]), /"com\.example"/);
    expectRefusal(model([7, branch(graph([1, custom]))]), /"com\.example"/);
    expectRefusal(model([7, graph()], [25, message([7, custom])]), /"com\.example"/);
    expectRefusal(model([7, graph()], [25, message([10, "local"])]), /function is of the domain "local"/);
    expectRefusal(model([7, graph([1, node([7, "com.microsoft"])])]), /"com\.microsoft"/);
  });

  it("accepts the standard domains", () => {
    for (const domain of ["", "ai.onnx", "ai.onnx.ml"]) {
      inspectOnnx(model([7, graph([1, node([7, domain])])]), "model.onnx");
    }
  });

  it("stops at graphs nested too deep", () => {
    let inner = graph();
    for (let depth = 0; depth < 20; depth += 1) inner = branch(inner);
    expectRefusal(model([7, inner]), /nested more than 16 deep/);
  });

  it("refuses a name without end, a field of another type and a second graph", () => {
    expectRefusal(model([7, graph([1, node([7, "x".repeat(5000)])])]), /name is longer/);
    expectRefusal(model([7, 5]), /field 7 is of another type/);
    expectRefusal(model([7, graph()], [7, graph()]), /not an ONNX model/);
  });

  it("never accepts what is cut off inside the graph, and never throws anything but a refusal", () => {
    const bytes = readModelFolder("test/fixtures/typed").files.get("model.onnx") ?? new Uint8Array(0);
    for (let length = 0; length < bytes.length; length += 1) expectRefusal(bytes.subarray(0, length), /./);
  });

  it("answers damaged bytes with a refusal or a graph, in bounded time", () => {
    const bytes = readModelFolder("test/fixtures/columns").files.get("model.onnx") ?? new Uint8Array(0);
    let state = 1;
    const random = (count: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state % count;
    };
    for (let round = 0; round < 3000; round += 1) {
      const damaged = Uint8Array.from(bytes);
      for (let hit = 0; hit <= random(4); hit += 1) damaged[random(damaged.length)] = random(256);
      try {
        inspectOnnx(damaged, "model.onnx");
      } catch (error) {
        assert.ok(error instanceof EngineError && error.code === "MODEL_INVALID", String(error));
      }
    }
  });
});
