/**
 * Order of texts by code point, which is Python's; JavaScript's own is by UTF-16 code unit and differs beyond U+FFFF.
 */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (a.charCodeAt(at) === b.charCodeAt(at)) continue;
    // of a surrogate pair, both halves are read from its first: step back if only the second differs
    const isSecondHalf = at > 0 && (a.charCodeAt(at - 1) & 0xfc00) === 0xd800;
    const start = isSecondHalf ? at - 1 : at;
    return (a.codePointAt(start) ?? 0) - (b.codePointAt(start) ?? 0);
  }
  return a.length - b.length;
}
