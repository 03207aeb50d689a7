/**
 * Keys in files: who may read them, and what is said of files that hold none.
 */
import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmod, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { keyIdOf } from "../../../engine/core/signature.ts";
import {
  createSigningKey,
  type KeyPlaces,
  keyPlaces,
  readSigningKey,
  readTrustedKeys,
  revokeKey,
  trustKeys,
} from "../../../storage/key-files.ts";
import { hasCode } from "../../support/error-code.ts";
import { createTempFolder, type TempFolder } from "../../support/temp-folder.ts";

function publicPem(key: KeyObject): string {
  return key.export({ type: "spki", format: "pem" }).toString();
}

async function withPlaces(work: (places: KeyPlaces, folder: TempFolder) => Promise<void>): Promise<void> {
  await using folder = await createTempFolder();
  await work(keyPlaces({ dataDir: folder.path }), folder);
}

describe("key-files", () => {
  it("creates a key that its owner alone may read, once, and trusts it", async () => {
    await withPlaces(async (places) => {
      assert.equal(await readSigningKey(places), undefined);
      assert.equal((await readTrustedKeys(places)).size, 0);
      const id = await createSigningKey(places);
      assert.equal((await stat(places.signingKey)).mode & 0o777, 0o600);
      assert.equal(keyIdOf((await readSigningKey(places)) as KeyObject), id);
      assert.deepEqual([...(await readTrustedKeys(places)).keys()], [id]);
      await assert.rejects(createSigningKey(places), hasCode("CONFLICT", /there is a signing key in/));
    });
  });

  it("refuses a private key that everybody may read", async () => {
    await withPlaces(async (places) => {
      await createSigningKey(places);
      await chmod(places.signingKey, 0o604);
      await assert.rejects(readSigningKey(places), hasCode("INVALID_REQUEST", /chmod 600/));
    });
  });

  it("revokes: the key is trusted no longer, and signs no longer if it did", async () => {
    await withPlaces(async (places) => {
      const id = await createSigningKey(places);
      await revokeKey(id, places);
      assert.equal(await readSigningKey(places), undefined);
      assert.equal((await readTrustedKeys(places)).size, 0);
      assert.deepEqual((await readdir(join(places.signingKey, ".."))).sort(), [
        "signing.pem.revoked",
        "trusted",
      ]);
      await assert.rejects(revokeKey(id, places), hasCode("INVALID_REQUEST", /is not trusted here/));
    });
  });

  it("trusts all public keys of a file, which may be the whole of what is trusted", async () => {
    await withPlaces(async (places, folder) => {
      const keys = [1, 2].map(() => generateKeyPairSync("ed25519").publicKey);
      const file = join(folder.path, "keys.pem");
      await writeFile(file, keys.map(publicPem).join("\n"));
      const ids = keys.map(keyIdOf);
      assert.deepEqual(await trustKeys(file, places), ids);
      assert.deepEqual([...(await readTrustedKeys(places)).keys()].sort(), ids.toSorted());
      const fixed = { ...places, trustedKeys: file };
      assert.deepEqual([...(await readTrustedKeys(fixed)).keys()], ids);
      await assert.rejects(revokeKey(ids[0] as string, fixed), hasCode("INVALID_REQUEST", /edit it/));
    });
  });

  it("says which file holds no public key of Ed25519", async () => {
    await withPlaces(async (places, folder) => {
      const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 });
      const pem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });
      for (const [text, says] of [
        ["hello", /holds no public key/],
        ["-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", /is no key in PEM/],
        [publicPem(rsa.publicKey), /not of Ed25519/],
        [pem.toString(), /give the public key alone/],
      ] as const) {
        const file = join(folder.path, "wrong.pem");
        await writeFile(file, text);
        await assert.rejects(trustKeys(file, places), hasCode("INVALID_REQUEST", says));
      }
      await assert.rejects(
        trustKeys(join(folder.path, "none"), places),
        hasCode("INVALID_REQUEST", /no file/),
      );
      await mkdir(places.trustedKeys, { recursive: true });
      await writeFile(join(places.trustedKeys, "other.pem"), "hello");
      await assert.rejects(readTrustedKeys(places), hasCode("INVALID_REQUEST", /other\.pem/));
    });
  });
});
