/** Pinned versions by package, from a requirements.txt or a package.json. Pure. */
export function readVersions(list: string): Record<string, string> {
  if (list.trimStart().startsWith("{"))
    return (JSON.parse(list) as { dependencies: Record<string, string> }).dependencies;
  const lines = list
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return Object.fromEntries(lines.map((line) => line.split("==") as [string, string]));
}
