import type { Diagnostic } from "../model/diagnostic.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** A file of garbage has tens of thousands of errors; nobody reads more than this. */
const MOST = 100;

/**
 * Diagnostics for the terminal, one frame each. Each says by itself where it is and what to do, so that it survives
 * being pasted without the others:
 *
 *     plan.yaml:12:9 error: stages[2].bake: expected a duration with its unit, found the number 30
 *        12 |   bake: 30
 *           |         ^^
 *     mend: write it with its unit: 30s, 30m, 30h
 */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], style: Style = plainStyle): string {
  const frames = diagnostics.slice(0, MOST).map((diagnostic) => `${frame(diagnostic, style)}\n`);
  const rest = diagnostics.length - frames.length;
  return (rest > 0 ? [...frames, `… and ${rest} more\n`] : frames).join("\n");
}

function frame({ severity, file, range, path, message, mend, excerpt }: Diagnostic, style: Style): string {
  const colour = severity === "error" ? style.red : style.yellow;
  const place = style.bold(`${terminalText(file)}:${range.line}:${range.column}`);
  const where = path === "" ? "" : `${terminalText(path)}: `;
  const number = String(range.line).padStart(5);
  const gutter = style.dim(`${" ".repeat(number.length)} |`);
  const before = terminalText(excerpt.text.slice(0, excerpt.from));
  const underlined = terminalText(excerpt.text.slice(excerpt.from, excerpt.to));
  const line = terminalText(excerpt.text);
  const blanks = " ".repeat(Math.min(width(before), width(line)));
  return [
    `${place} ${colour(`${severity}:`)} ${where}${terminalText(message)}`,
    `${style.dim(`${number} |`)} ${line}`,
    `${gutter} ${blanks}${colour("^".repeat(Math.max(1, width(underlined))))}`,
    `mend: ${terminalText(mend)}`,
  ].join("\n");
}

/** Columns on a terminal, as far as one can say without knowing the terminal: characters, with wide ones counted twice. */
function width(text: string): number {
  let columns = 0;
  for (const character of text)
    columns += /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/u.test(character)
      ? 2
      : /\p{M}/u.test(character)
        ? 0
        : 1;
  return columns;
}
