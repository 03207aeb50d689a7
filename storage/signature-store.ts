/**
 * Signatures of model versions in the KV bucket, beside the versions' records, which never change: a version that was pushed
 * without one may be signed later, and signed anew when its key was revoked.
 *
 * Key: `signature.<name>.<version>`. What is stored was checked by whoever stored it; who loads checks again.
 */
import type { KV } from "@nats-io/kv";
import { EngineError } from "../engine/core/errors.ts";
import { modelKey } from "../engine/core/manifest.ts";
import { type VersionSignature, versionSignature } from "../engine/core/signature.ts";
import { insist } from "./nats-failure.ts";
import { parseJson } from "./version-record.ts";
import type { Key } from "./version-store.ts";

export class SignatureStore {
  readonly #kv: Pick<KV, "get" | "put">;

  constructor(kv: Pick<KV, "get" | "put">) {
    this.#kv = kv;
  }

  /** @throws EngineError MODEL_UNTRUSTED for what is no signature. */
  async find(version: Key): Promise<VersionSignature | undefined> {
    const entry = await insist("read a signature", () => this.#kv.get(signatureKey(version)));
    if (entry === null || entry.operation !== "PUT") return undefined;
    const result = versionSignature.safeParse(parseJson(entry.string()));
    if (result.success) return result.data;
    throw new EngineError(
      "MODEL_UNTRUSTED",
      `the signature of ${modelKey(version)} cannot be read: push the version again to sign it anew`,
    );
  }

  /** Takes the place of the one before. */
  async put(version: Key, signature: VersionSignature): Promise<void> {
    await insist("store a signature", () => this.#kv.put(signatureKey(version), JSON.stringify(signature)));
  }
}

function signatureKey({ name, version }: Key): string {
  return `signature.${name}.${version}`;
}
