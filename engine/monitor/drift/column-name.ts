/**
 * Names of columns in verdicts, incidents and alerts, which have one name space for inputs and outputs.
 */
export function evidenceName({
  role,
  name,
}: {
  readonly role: "input" | "output";
  readonly name: string;
}): string {
  return role === "input" ? name : `${name} (output)`;
}
