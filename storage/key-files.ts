/**
 * Keys that sign model versions, as PEM files: one private key, and the public keys that an engine trusts.
 *
 *     keys/signing.pem            private (PKCS #8), readable by its owner alone; never logged, never sent
 *     keys/trusted/<key_id>.pem   public (SPKI); a file in place of the folder may hold several
 *
 * Read anew whenever they are needed, so that a key that is trusted or revoked counts from the next load on.
 * Bound: KEYS_MAX, KEY_FILE_BYTES_MAX.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { EngineError, messageOf } from "../engine/core/errors.ts";
import { KEY_ID, keyIdOf } from "../engine/core/signature.ts";

export interface KeyPlaces {
  /** The private key's file. */
  readonly signingKey: string;
  /** Folder of public keys, or one file. */
  readonly trustedKeys: string;
}

const KEYS_MAX = 1_000;
const KEY_FILE_BYTES_MAX = 1024 * 1024;
const OTHERS_MAY_READ = 0o004;
const PEM_BLOCK = /-----BEGIN ([A-Z ]+)-----[\s\S]+?-----END \1-----/g;

/** The places of keys: those that are given, or in the data folder. */
export function keyPlaces({
  dataDir,
  signingKey,
  trustedKeys,
}: {
  readonly dataDir: string;
  readonly signingKey?: string | undefined;
  readonly trustedKeys?: string | undefined;
}): KeyPlaces {
  return {
    signingKey: signingKey ?? join(dataDir, "keys", "signing.pem"),
    trustedKeys: trustedKeys ?? join(dataDir, "keys", "trusted"),
  };
}

/** Makes the signing key and trusts it; returns its id. @throws EngineError CONFLICT when there is one. */
export async function createSigningKey(places: KeyPlaces): Promise<string> {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  await mkdir(dirname(places.signingKey), { recursive: true, mode: 0o700 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" });
  try {
    await writeFile(places.signingKey, pem, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw error;
    const remedy = "revoke it, or name another file with MILLRACE_SIGNING_KEY";
    throw new EngineError("CONFLICT", `there is a signing key in ${places.signingKey}: ${remedy}`);
  }
  await storePublic(publicKey, places);
  return keyIdOf(publicKey);
}

/** The private key, or undefined when there is no file. @throws EngineError INVALID_REQUEST when it is none, or others may read it. */
export async function readSigningKey({
  signingKey,
}: Pick<KeyPlaces, "signingKey">): Promise<KeyObject | undefined> {
  const found = await statOf(signingKey);
  if (found === undefined) return undefined;
  if ((found.mode & OTHERS_MAY_READ) !== 0)
    throw invalid(`everybody may read the signing key ${signingKey}: chmod 600 ${signingKey}`);
  const key = parseKey(createPrivateKey, await readPem(signingKey), signingKey);
  if (key.asymmetricKeyType !== "ed25519") throw invalid(`${signingKey} holds no Ed25519 key`);
  return key;
}

/** Public keys by id; none where there is no such folder. @throws EngineError INVALID_REQUEST naming a file that holds none. */
export async function readTrustedKeys({
  trustedKeys,
}: Pick<KeyPlaces, "trustedKeys">): Promise<Map<string, KeyObject>> {
  const keys = new Map<string, KeyObject>();
  for (const file of await trustedFiles(trustedKeys)) {
    for (const key of await readPublicKeys(file)) keys.set(keyIdOf(key), key);
    if (keys.size > KEYS_MAX) throw invalid(`${trustedKeys} holds more than ${KEYS_MAX} keys`);
  }
  return keys;
}

/** Trusts the public keys of a file; returns their ids. @throws EngineError INVALID_REQUEST when it holds none. */
export async function trustKeys(file: string, places: KeyPlaces): Promise<string[]> {
  const keys = await readPublicKeys(file);
  for (const key of keys) await storePublic(key, places);
  return keys.map(keyIdOf);
}

/**
 * Trusts the key no longer; the signing key, if it is that, is set aside as `<file>.revoked`.
 * @throws EngineError INVALID_REQUEST when it is not trusted.
 */
export async function revokeKey(keyId: string, places: KeyPlaces): Promise<void> {
  if (!KEY_ID.test(keyId)) throw invalid("a key's id is 32 hex digits; see millrace keys list");
  await checkIsFolder(places.trustedKeys);
  const own = await readSigningKey(places);
  const isOwn = own !== undefined && keyIdOf(own) === keyId;
  let isTrusted = false;
  for (const file of await trustedFiles(places.trustedKeys)) {
    if (!(await readPublicKeys(file)).some((key) => keyIdOf(key) === keyId)) continue;
    await rm(file);
    isTrusted = true;
  }
  if (isOwn) await rename(places.signingKey, `${places.signingKey}.revoked`);
  if (!isTrusted && !isOwn) throw invalid(`key ${keyId} is not trusted here; see millrace keys list`);
}

async function storePublic(key: KeyObject, { trustedKeys }: KeyPlaces): Promise<void> {
  await checkIsFolder(trustedKeys);
  await mkdir(trustedKeys, { recursive: true, mode: 0o700 });
  await writeFile(join(trustedKeys, `${keyIdOf(key)}.pem`), key.export({ type: "spki", format: "pem" }));
}

/** A file that holds several keys is somebody else's to edit. */
async function checkIsFolder(trustedKeys: string): Promise<void> {
  const found = await statOf(trustedKeys);
  if (found !== undefined && !found.isDirectory())
    throw invalid(`MILLRACE_TRUSTED_KEYS is the file ${trustedKeys}: edit it, or name a folder`);
}

async function trustedFiles(trustedKeys: string): Promise<string[]> {
  const found = await statOf(trustedKeys);
  if (found === undefined) return [];
  if (!found.isDirectory()) return [trustedKeys];
  const names = await readdir(trustedKeys);
  return names
    .filter((name) => name.endsWith(".pem"))
    .sort()
    .map((name) => join(trustedKeys, name));
}

async function readPublicKeys(file: string): Promise<KeyObject[]> {
  const blocks = [...(await readPem(file)).matchAll(PEM_BLOCK)];
  if (blocks.length === 0) throw invalid(`${file} holds no public key in PEM`);
  return blocks.map(([pem, kind]) => {
    if (kind !== "PUBLIC KEY") throw invalid(`${file} holds a ${kind}: give the public key alone`);
    const key = parseKey(createPublicKey, pem, file);
    if (key.asymmetricKeyType !== "ed25519") throw invalid(`${file} holds a key that is not of Ed25519`);
    return key;
  });
}

async function readPem(file: string): Promise<string> {
  const found = await statOf(file);
  if (found === undefined) throw invalid(`there is no file ${file}`);
  if (found.size > KEY_FILE_BYTES_MAX) throw invalid(`${file} is too large to be keys`);
  return readFile(file, "utf8");
}

function parseKey(parse: (pem: string) => KeyObject, pem: string, file: string): KeyObject {
  try {
    return parse(pem);
  } catch (error) {
    throw new EngineError("INVALID_REQUEST", `${file} is no key in PEM`, { cause: messageOf(error) });
  }
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return undefined;
    throw error;
  }
}

function hasErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

function invalid(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", message);
}
