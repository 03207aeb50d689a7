/**
 * Names of columns in verdicts, incidents and alerts, which have one name space for inputs and outputs.
 */

/** The name of what is counted or judged of all columns at once. No column can have it. */
export const WHOLE_WINDOW = "*";

export function evidenceName({
  role,
  name,
}: {
  readonly role: "input" | "output" | "window";
  readonly name: string;
}): string {
  return role === "output" ? `${name} (output)` : name;
}
