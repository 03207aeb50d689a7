/** The runtime that a manifest names; its library is imported when the first model asks for it. */
import type { ModelManifest } from "../engine/core/manifest.ts";
import type { Runtime } from "./runtime.ts";

export async function runtimeOf(name: ModelManifest["runtime"]): Promise<Runtime> {
  switch (name) {
    case "onnx":
      return (await import("./runtime-onnx.ts")).onnxRuntime;
    case "tfjs":
      return (await import("./runtime-tfjs.ts")).tfjsRuntime;
  }
}
