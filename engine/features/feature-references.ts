/**
 * How features are named outside of a model: `account@1.0.0:amount_sum_1h,amount_mean_1h,merchant@2.0.0`.
 *
 * A set and version, and features of it; a name without a set belongs to the set before. A set without names is all of
 * its features that the caller does not send.
 */
import { EngineError } from "../core/errors.ts";
import { compileSetsLookup, type FindFeatureSet, type SetLookup } from "./feature-lookup.ts";

interface Reference {
  readonly set: string;
  readonly version: string;
  readonly names: string[];
}

/**
 * The lookup of the features that `text` names.
 * @throws EngineError INVALID_REQUEST naming a reference that cannot be read or a feature that there is not, and what `find` throws.
 */
export async function findReferred(text: string, find: FindFeatureSet): Promise<SetLookup> {
  const asked = await Promise.all(
    parseReferences(text).map(async ({ set, version, names }) => ({
      set: await find(set, version),
      names: names.length === 0 ? undefined : names,
    })),
  );
  return compileSetsLookup(asked);
}

function parseReferences(text: string): Reference[] {
  const references: Reference[] = [];
  let last: Reference | undefined;
  for (const part of text.split(",").map((one) => one.trim())) {
    const [, set, version, name] = /^(?:([^@:]+)@([^@:]+)(?::|$))?([^@:]*)$/.exec(part) ?? [];
    if (set !== undefined && version !== undefined) {
      const known = references.find((one) => one.set === set && one.version === version);
      last = known ?? { set, version, names: [] };
      if (known === undefined) references.push(last);
      if (name !== undefined && name !== "") last.names.push(name);
    } else if (name !== undefined && name !== "" && last !== undefined) last.names.push(name);
    else
      throw invalid(
        `"${part.slice(0, 200)}" names no feature: write set@version:name, or set@version for all`,
      );
  }
  return references;
}

function invalid(message: string): EngineError {
  return new EngineError("INVALID_REQUEST", message, { details: [{ field: "features", message }] });
}
