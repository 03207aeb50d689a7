/**
 * Signatures of model versions: Ed25519 (RFC 8032) over a text that names the version and its digest, which covers the manifest
 * and every file.
 *
 *     millrace model version 1        what is signed, so that no signature of anything else fits
 *     <name>@<version>
 *     <digest>                        SHA-256 in hex, as the version's record has it
 *     <key_id>
 *     <signed_at>
 *
 * A key's id is the first 16 bytes of the SHA-256 of its public half (SPKI, DER), in hex. Pure: where keys are kept is
 * key-files' matter.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { z } from "zod";
import { EngineError } from "./errors.ts";
import { modelKey } from "./manifest.ts";

export const KEY_ID = /^[0-9a-f]{32}$/;
const SIGNATURE_BASE64_LENGTH = 88;

export const versionSignature = z.strictObject({
  key_id: z.string().regex(KEY_ID, "must be 32 hex digits"),
  /** 64 bytes in base64. */
  signature: z.base64().length(SIGNATURE_BASE64_LENGTH),
  signed_at: z.iso.datetime(),
});
export type VersionSignature = z.infer<typeof versionSignature>;

/** What of a version is signed: its record has it. */
export interface SignableVersion {
  readonly manifest: { readonly name: string; readonly version: string };
  readonly digest: string;
}

export const SIGNATURE_POLICIES = ["optional", "required"] as const;

/** What an engine loads. */
export interface SignaturePolicy {
  /** `optional`: versions without a signature too. A signature that is there is checked either way. */
  readonly policy: (typeof SIGNATURE_POLICIES)[number];
  /** Public keys by id. */
  readonly trusted: ReadonlyMap<string, KeyObject>;
}

/** Id of a key, from either half. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ type: "spki", format: "der" });
  return createHash("sha256").update(der).digest("hex").slice(0, 32);
}

/** @param key private, Ed25519. @param nowMs ms since 1970. */
export function signVersion(version: SignableVersion, key: KeyObject, nowMs: number): VersionSignature {
  const about = { key_id: keyIdOf(key), signed_at: new Date(nowMs).toISOString() };
  return { ...about, signature: sign(null, signedText(version, about), key).toString("base64") };
}

/** @throws EngineError MODEL_UNTRUSTED saying what is wrong: no signature, a key that is not trusted, a wrong signature. */
export function checkSignature(
  version: SignableVersion,
  signature: VersionSignature | undefined,
  { policy, trusted }: SignaturePolicy,
): void {
  const name = modelKey(version.manifest);
  if (signature === undefined) {
    if (policy === "optional") return;
    throw untrusted(
      `${name} is not signed, and only signed models are loaded here: push it with a signing key (millrace keys create)`,
    );
  }
  const key = trusted.get(signature.key_id);
  if (key === undefined) {
    throw untrusted(
      `${name} is signed with key ${signature.key_id}, which is not trusted here: millrace keys trust <its public key>`,
    );
  }
  const bytes = Buffer.from(signature.signature, "base64");
  if (verify(null, signedText(version, signature), key, bytes)) return;
  throw untrusted(`the signature of ${name} is wrong: what is stored is not what was signed, push it again`);
}

function signedText(
  { manifest, digest }: SignableVersion,
  { key_id, signed_at }: Omit<VersionSignature, "signature">,
): Buffer {
  return Buffer.from(["millrace model version 1", modelKey(manifest), digest, key_id, signed_at].join("\n"));
}

function untrusted(message: string): EngineError {
  return new EngineError("MODEL_UNTRUSTED", message);
}
