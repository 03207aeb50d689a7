/** The models of test/fixtures, and their golden predictions. */
import { fileURLToPath } from "node:url";

/** Path of something in test/fixtures, from the compiled tests. */
export function fixture(path: string): string {
  return fileURLToPath(new URL(`../../../test/fixtures/${path}`, import.meta.url));
}
