/**
 * `millrace keys`: the key that signs models that are pushed, and the public keys that engines trust. Files of this machine;
 * where they are, the settings say.
 */
import { Command } from "commander";
import {
  createSigningKey,
  type KeyPlaces,
  keyPlaces,
  readSigningKey,
  readTrustedKeys,
  revokeKey,
  trustKeys,
} from "../storage/key-files.ts";
import { readConfig } from "./core/config.ts";
import { keyIdOf } from "./core/signature.ts";

export function keysCommand(): Command {
  const keys = new Command("keys");
  const add = (
    usage: string,
    about: string,
    work: (places: KeyPlaces, name: string) => Promise<void>,
  ): void => {
    keys
      .command(usage)
      .description(about)
      .action(async (name: string) => work(keyPlaces(readConfig(process.env)), name));
  };
  add("create", "make the key that `models push` signs with, and trust it", async (places) => {
    const id = await createSigningKey(places);
    console.log(`created key ${id}: private in ${places.signingKey}, public in ${places.trustedKeys}`);
  });
  add("list", "the trusted keys, and which of them signs", list);
  add("trust <file>", "trust the public keys in a PEM file", async (places, file) => {
    for (const id of await trustKeys(file, places)) console.log(`trusted key ${id}`);
  });
  add("revoke <key_id>", "load nothing more that is signed with this key", async (places, id) => {
    await revokeKey(id, places);
    console.log(`revoked key ${id}: versions that are loaded go on, none is loaded any more`);
  });
  return keys;
}

async function list(places: KeyPlaces): Promise<void> {
  const own = await readSigningKey(places);
  const ownId = own === undefined ? undefined : keyIdOf(own);
  const trusted = await readTrustedKeys(places);
  for (const id of trusted.keys()) console.log(`${id}  trusted${id === ownId ? ", signs" : ""}`);
  if (ownId !== undefined && !trusted.has(ownId)) console.log(`${ownId}  signs, NOT TRUSTED here`);
  if (ownId === undefined && trusted.size === 0) console.log("no keys yet: millrace keys create");
}
