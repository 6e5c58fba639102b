/** Says what stands somewhere, for a message. Texts are not repeated: the frame shows them, unless they have to stay hidden. */
export function found(value: unknown): string {
  if (value === null || value === undefined) return "nothing";
  if (Array.isArray(value)) return value.length === 0 ? "an empty list" : "a list";
  if (typeof value === "string") return "text";
  return typeof value === "object" ? "a map" : `the ${typeof value} ${String(value)}`;
}

/** A sentence of an adapter, `what is wrong: what to do`, as a mistake. */
export function splitSentence(sentence: string, otherwise: string): { message: string; mend: string } {
  const [message, ...rest] = sentence.split(": ");
  return rest.length > 0 ? { message: message!, mend: rest.join(": ") } : { message: sentence, mend: otherwise };
}

/** Names as a list in a sentence: `a, b or c`. */
export function listed(names: readonly string[], conjunction: "or" | "and"): string {
  if (names.length < 2) return names.join("");
  return `${names.slice(0, -1).join(", ")} ${conjunction} ${names.at(-1)}`;
}
