/**
 * Any text as one line for the terminal. Plans, flags and ledgers are written by others, so a text must neither move
 * the cursor nor reorder what stands beside it, and a CI system must not take it for a command of ours:
 * - line breaks and tabs become one space each
 * - control, bidi and other invisible characters are shown by their number: `<U+202E>`
 * - `::error` at the beginning, and `##[` and `##vso[` anywhere, are broken up
 */
export function terminalText(text: string): string {
  return text
    .replace(/\r\n|[\t\n\v\f\r\u0085\u2028\u2029]/g, " ")
    .replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, (character) => `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, "0")}>`)
    .replace(/^(\s*):(?=:)/, "$1: ")
    .replace(/##(?=\w*\[)/g, "# #");
}

/**
 * Any text as one cell of a table in CSV (RFC 4180), control and bidi characters shown by their number: a spreadsheet must
 * not take it for a formula, which begins with one of `= + - @`.
 */
export function csvText(text: string): string {
  const shown = terminalText(text);
  const plain = /^[=+\-@]/.test(shown) ? `'${shown}` : shown;
  return /[",]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
