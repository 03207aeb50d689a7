/**
 * Signatures of versions: one made by OpenSSL is accepted, and nothing that differs from what was signed is.
 */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import { checkSignature, keyIdOf, signVersion } from "../../../../engine/core/signature.ts";
import { hasCode } from "../../../support/error-code.ts";

const VERSION = { manifest: { name: "card-fraud", version: "1.0.0" }, digest: "a".repeat(64) };

/** Public half of a key made with `openssl genpkey -algorithm ed25519`; the signature is that of `openssl pkeyutl -sign -rawin`. */
const OPENSSL = {
  publicKey: "MCowBQYDK2VwAyEAovwrbXoFboU3TYqep693qF0hrIzCNbTwKtbqhWAAMXA=",
  key_id: "4b325dcb35bd1fd1dc53dbe8c72e8b83",
  signed_at: "2026-11-21T10:00:00.000Z",
  signature: "SfJshiZznQJw9UdPYauWBOCdbX2D6IDxQVa+6nUi1iG0v3pY/rwk9dSZz+VGukNoC2VfaaFfvH6cK6SaCxBcBA==",
};

describe("signature", () => {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const trusted = new Map([[keyIdOf(publicKey), publicKey]]);
  const signature = signVersion(VERSION, privateKey, 1_800_000_000_000);

  it("is OpenSSL's of the same text", () => {
    const der = Buffer.from(OPENSSL.publicKey, "base64");
    const key = createPublicKey({ key: der, format: "der", type: "spki" });
    assert.equal(keyIdOf(key), OPENSSL.key_id);
    const { publicKey: _, ...made } = OPENSSL;
    checkSignature(VERSION, made, { policy: "required", trusted: new Map([[OPENSSL.key_id, key]]) });
  });

  it("is accepted, and so is none where none is required", () => {
    assert.equal(signature.key_id, keyIdOf(privateKey));
    assert.equal(signature.signed_at, "2027-01-15T08:00:00.000Z");
    checkSignature(VERSION, signature, { policy: "required", trusted });
    checkSignature(VERSION, undefined, { policy: "optional", trusted });
  });

  it("is missed where it is required", () => {
    assert.throws(
      () => checkSignature(VERSION, undefined, { policy: "required", trusted }),
      hasCode("MODEL_UNTRUSTED", /card-fraud@1\.0\.0 is not signed.*millrace keys create/),
    );
  });

  for (const policy of ["optional", "required"] as const) {
    it(`is refused when anything differs from what was signed, where it is ${policy}`, () => {
      const { manifest, digest } = VERSION;
      const others = [
        [{ manifest, digest: `b${digest.slice(1)}` }, signature],
        [{ manifest: { ...manifest, version: "1.0.1" }, digest }, signature],
        [{ manifest: { ...manifest, name: "card-frauds" }, digest }, signature],
        [VERSION, { ...signature, signed_at: "2027-01-15T08:00:00.001Z" }],
        [VERSION, { ...signature, signature: `${"A".repeat(86)}==` }],
      ] as const;
      for (const [version, made] of others)
        assert.throws(
          () => checkSignature(version, made, { policy, trusted }),
          hasCode("MODEL_UNTRUSTED", /signature of .* is wrong/),
        );
    });

    it(`is refused when its key is not trusted, where it is ${policy}`, () => {
      assert.throws(
        () => checkSignature(VERSION, signature, { policy, trusted: new Map() }),
        hasCode("MODEL_UNTRUSTED", /is not trusted here: millrace keys trust/),
      );
    });
  }
});
