/**
 * An engine made up, behind the gRPC server: model m, which answers its inputs, when it is told to or at once.
 */
import { EngineError } from "../../engine/core/errors.ts";
import type { InferenceServer } from "../../engine/grpc/inference-server.ts";
import type { InferCall } from "../../engine/oip/infer-call.ts";
import type { InferRequest } from "../../engine/oip/infer-request.ts";

/** A request that is in the engine. */
interface Taken {
  readonly request: InferRequest;
  readonly call: InferCall;
}

export class MadeUpInference implements InferenceServer {
  readonly taken: Taken[] = [];
  readonly loaded: unknown[] = [];
  ready = true;
  failure: EngineError | undefined;
  readonly #answered = new Set<number>();

  infer(request: InferRequest, call: InferCall): void {
    if (this.failure !== undefined) throw this.failure;
    this.taken.push({ request, call });
    if (request.id.startsWith("now")) this.answer(this.taken.length - 1);
  }

  isAnswered(index: number): boolean {
    return this.#answered.has(index);
  }

  answer(index: number): void {
    this.#answered.add(index);
    const { request, call } = this.taken[index] as Taken;
    call.answer({
      model_name: call.model,
      model_version: call.version ?? "1.0.0",
      id: request.id,
      parameters: request.parameters,
      outputs: request.inputs,
    });
  }

  isReady(): boolean {
    return this.ready;
  }

  isModelReady(name: string, version: string | undefined): boolean {
    return name === "m" && (version ?? "1.0.0") === "1.0.0";
  }

  serverMetadata(): object {
    return { name: "made-up", version: "1.2.3", extensions: ["statistics"] };
  }

  modelMetadata(name: string, version: string | undefined): object {
    if (name !== "m") throw new EngineError("MODEL_NOT_FOUND", `there is no model ${name}`);
    const inputs = [{ name: "x", datatype: "FP32", shape: [-1, 3] }];
    return { name, versions: [version ?? "every"], platform: "onnxruntime_onnx", inputs, outputs: [] };
  }

  modelConfig(name: string): object {
    return {
      name,
      max_batch_size: 8,
      dynamic_batching: {},
      input: [{ name: "x", data_type: "TYPE_FP32", dims: [3] }],
    };
  }

  modelStatistics(name: string | undefined): object {
    return { model_stats: (name === undefined ? ["m", "n"] : [name]).map((one) => ({ name: one })) };
  }

  readonly repository: InferenceServer["repository"] = {
    index: async (which) => [
      { name: "m", version: "1.0.0", state: which === "ready" ? "READY" : "UNAVAILABLE", reason: "" },
    ],
    load: async (name, parameters) => {
      if (name === "broken") throw new EngineError("MODEL_INVALID", "it cannot be loaded");
      this.loaded.push(["load", name, parameters]);
    },
    unload: async (name, parameters) => {
      this.loaded.push(["unload", name, parameters]);
    },
  };
}
