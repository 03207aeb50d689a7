/**
 * Signing and checking of model versions with the keys that the configuration names. Private keys stay here: they are read,
 * used and forgotten.
 */
import { keyPlaces, readSigningKey, readTrustedKeys } from "../storage/key-files.ts";
import type { CheckSignature } from "../storage/model-registry.ts";
import { digestOf, type ModelContent, storedFiles } from "../storage/version-record.ts";
import type { Config } from "./core/config.ts";
import { checkSignature, signVersion, type VersionSignature } from "./core/signature.ts";

/**
 * What an engine asks of a version before it loads it. The trusted keys are read each time, and once now.
 * @throws EngineError INVALID_REQUEST when they cannot be read.
 */
export async function createSignatureCheck(config: Config): Promise<CheckSignature> {
  const places = keyPlaces(config);
  await readTrustedKeys(places);
  return async (record, signature) =>
    checkSignature(record, signature, {
      policy: config.modelSignatures,
      trusted: await readTrustedKeys(places),
    });
}

/** The signature of what is pushed, or undefined where there is no signing key. @throws EngineError INVALID_REQUEST of a wrong key. */
export async function signContent(
  { manifest, files }: ModelContent,
  config: Config,
): Promise<VersionSignature | undefined> {
  const key = await readSigningKey(keyPlaces(config));
  if (key === undefined) return undefined;
  return signVersion({ manifest, digest: digestOf(manifest, storedFiles(files)) }, key, Date.now());
}
