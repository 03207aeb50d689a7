/** What the gRPC service answers from: the engine, as the protocol sees it. Versions: undefined is the one in production. */
import type { InferCall } from "../oip/infer-call.ts";
import type { InferRequest } from "../oip/infer-request.ts";
import type { Repository } from "../oip/repository.ts";

export interface InferenceServer {
  /** Answers through `call`, once, unless it throws. @throws EngineError */
  infer(request: InferRequest, call: InferCall): void;
  isReady(): boolean;
  isModelReady(name: string, version: string | undefined): boolean;
  /** What follows are the JSON objects of the protocol's HTTP form, whose fields are named as those of the messages. */
  serverMetadata(): object;
  modelMetadata(name: string, version: string | undefined): object;
  modelConfig(name: string, version: string | undefined): object;
  /** `{"model_stats": […]}`, of all models when none is named. */
  modelStatistics(name: string | undefined, version: string | undefined): object;
  readonly repository: Pick<Repository, "index" | "load" | "unload">;
}
