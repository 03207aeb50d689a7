/** What crosses between the engine's thread and the one that explains: few and small messages, one a row. */
import type { ErrorCode } from "../../engine/core/errors.ts";
import type { ModelArtifact } from "../runtime.ts";
import type { ExplainedRow, Explanation } from "./explanation.ts";

export type ExplainTask =
  | { readonly kind: "load"; readonly key: string; readonly artifact: ModelArtifact }
  | { readonly kind: "explain"; readonly key: string; readonly row: ExplainedRow };

export type ExplainResult =
  /** Of a load, nothing. */
  | { readonly kind: "done"; readonly explanation?: Explanation }
  /** The thread is new, or has let go of the model for others. */
  | { readonly kind: "not loaded" }
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };
