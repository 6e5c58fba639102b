import { nearest } from "../model/nearest.ts";

/** What to do about a name that is not known. `plural` says what the names are: `metrics`. */
export function mendName(word: string, known: readonly string[], plural: string): string {
  const meant = nearest(word, known);
  if (meant !== undefined) return `did you mean \`${meant}\`?`;
  return known.length > 0 ? `the ${plural} are: ${known.join(", ")}` : `there are no ${plural} yet: declare it`;
}
