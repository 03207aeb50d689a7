/**
 * The number of a version that training makes: the next minor one, since it does the same and has learned anew.
 */

const FIRST = "1.0.0";

/** Above all of `versions`, which are semantic versions; pre-releases count as what they lead to. */
export function nextVersion(versions: readonly string[]): string {
  const numbers = versions.map((version) => {
    const [major = 0, minor = 0] = (version.split("-")[0] as string).split(".").map(Number);
    return [major, minor] as const;
  });
  const [highest] = numbers.sort(([majorA, minorA], [majorB, minorB]) => majorB - majorA || minorB - minorA);
  return highest === undefined ? FIRST : `${highest[0]}.${highest[1] + 1}.0`;
}
