/**
 * A model as the command line shows it: its versions, their states and aliases, and the canary under way.
 */

/** As the REST API describes it. */
export interface ListedModel {
  readonly name: string;
  readonly aliases: Readonly<Record<string, string>>;
  readonly versions: readonly string[];
  readonly states: Readonly<Record<string, string>>;
  readonly canary: {
    readonly version: string;
    readonly step: number;
    readonly steps: readonly { readonly share: number; readonly duration: string }[];
    readonly share: number;
    readonly step_started_at: string;
  } | null;
  readonly problems?: Readonly<Record<string, string>>;
}

export function reportModel({ name, aliases, versions, states, canary, problems }: ListedModel): void {
  console.log(name);
  for (const version of versions) {
    const held = Object.entries(aliases).filter(([, to]) => to === version);
    const state = states[version] ?? "";
    const others = held.map(([alias]) => alias).filter((alias) => alias.toUpperCase() !== state);
    const notes = [state.toLowerCase(), ...others].join(", ");
    const problem = problems?.[version];
    console.log(`  ${version.padEnd(16)}${notes}${problem === undefined ? "" : `  NOT SERVED: ${problem}`}`);
  }
  if (canary === null) return;
  const { version, step, steps, share, step_started_at } = canary;
  console.log(
    `  canary ${version}: step ${step + 1} of ${steps.length}, ${share * 100} % for ${steps[step]?.duration} since ${step_started_at}`,
  );
}
