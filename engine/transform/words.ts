/**
 * The words of a text and their runs, as scikit-learn's vectorizers count them by default: a word is two or more
 * letters, digits or underscores. Python's \w is a letter or something of numeric value, in any script; combining marks
 * part words, as they do there.
 */
const WORD = /[\p{L}\p{N}_]{2,}/gu;

/** Every occurrence of every term of `least` to `most` words, in order of length. */
export function termsOf(text: string, isLowered: boolean, least: number, most: number): readonly string[] {
  const words: readonly string[] = (isLowered ? text.toLowerCase() : text).match(WORD) ?? [];
  if (least === 1 && most === 1) return words;
  const terms: string[] = [];
  for (let length = least; length <= most; length++) {
    for (let start = 0; start + length <= words.length; start++)
      terms.push(length === 1 ? (words[start] as string) : words.slice(start, start + length).join(" "));
  }
  return terms;
}
