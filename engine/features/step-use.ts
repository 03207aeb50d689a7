// hot path
/**
 * What one request needs of a lookup: a feature that the request gives is not looked up, nor is what only that feature was
 * derived from, and an entity that nothing is read of need not be named.
 *
 * A given value also replaces the feature where others are derived from it, so that a row never holds both.
 */
import type { FeatureLookup } from "./feature-lookup.ts";

export const SKIPPED = 0;
export const READ = 1;
export const GIVEN = 2;

type Values = Readonly<Record<string, unknown>>;

/** SKIPPED, READ or GIVEN for each step; undefined when the request gives no feature: then all are READ. */
export function stepUses({ inputs, steps }: FeatureLookup, request: Values): Uint8Array | undefined {
  if (!inputs.some(({ name, step }) => step >= 0 && isGiven(request, name))) return undefined;
  const uses = new Uint8Array(steps.length);
  for (const { name, step } of inputs)
    if (step >= 0 && uses[step] !== READ) uses[step] = isGiven(request, name) ? GIVEN : READ;
  // Features come behind what they are derived from.
  for (let index = steps.length - 1; index >= 0; index--) {
    const step = steps[index];
    if (uses[index] !== READ || step?.kind !== "derived") continue;
    for (const input of step.inputs) if (uses[input] === SKIPPED) uses[input] = READ;
  }
  return uses;
}

/** Whether a feature of entity number `entity` is read. */
export function readsEntity({ steps }: FeatureLookup, uses: Uint8Array | undefined, entity: number): boolean {
  if (uses === undefined) return true;
  return steps.some((step, index) => uses[index] === READ && "entity" in step && step.entity === entity);
}

/** null leaves a feature open, as if it were not there. */
function isGiven(request: Values, name: string): boolean {
  return Object.hasOwn(request, name) && request[name] !== null && request[name] !== undefined;
}
