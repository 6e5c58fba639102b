import { actorText } from "./log.ts";
import type { Signatures, Verification } from "./log.schema.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

/** A verification for the terminal. */
export function verificationView({ rollout, entries, head, given, replayed, signatures }: Verification, style: Style = plainStyle): string {
  const lines = [
    `${style.bold(rollout)}: ${style.green("the chain holds")}, ${count(entries, "entry", "entries")}`,
    ...(replayed ? [replaySentence(replayed)] : []),
    ...(signatures ? signatureLines(signatures, entries, given?.seq, style) : []),
    ...(given ? [`the head that was given is entry ${given.seq}: nothing up to it was changed or cut`] : [unseen(entries, signatures)]),
    style.dim(`head ${head.seq} ${head.hash}`),
  ];
  return `${lines.join("\n")}\n`;
}

function replaySentence({ looks, others }: NonNullable<Verification["replayed"]>): string {
  const same = `${count(looks, "look was", "looks were")} judged again from what they read: every verdict, gate and decision is the same`;
  return others === 0 ? same : `${same}; ${others} were judged by another version and can be judged again by that alone`;
}

function unseen(entries: number, signatures: Signatures | undefined): string {
  const changed =
    signatures?.upTo === entries ? "a tail that was cut off" : "a change of the last entry, or a tail that was cut off or rewritten,";
  return `${changed} does not show: compare with a head that you kept, --head HASH`;
}

function signatureLines({ by, upTo, unsigned, after }: Signatures, entries: number, given: number | undefined, style: Style): string[] {
  const lines = by.map(({ key, verified, entries, last }) => {
    const signed = `signed by ${shortKey(key)}: ${count(entries, "entry", "entries")}, the last is ${last}`;
    return verified ? style.green(signed) : `${signed}; ${style.yellow("that key was not given, so this says nothing yet (--key FILE)")}`;
  });
  if (upTo !== undefined) {
    lines.push(`nothing up to entry ${upTo} has changed since it was signed`);
    const others = unsigned.filter(({ from }) => from < upTo);
    if (others.length > 0) lines.push(`without a signature of their own, though they were there when it was signed: ${spansText(others)}`);
  }
  if (after.length > 0) {
    const since = Math.max(upTo ?? 0, given ?? 0);
    const rest = entries - since - after.length;
    const shown = rest > 0 ? [`  … (${rest} more)`] : [];
    for (const { seq, kind, actor } of after) shown.push(`  ${seq} ${kind} [${terminalText(actorText(actor))}]`);
    lines.push(style.yellow(since > 0 ? `nobody vouches for what came after entry ${since}:` : "nobody vouches for any entry:"), ...shown);
  }
  return lines;
}

/** Enough of a fingerprint to tell keys apart. */
function shortKey(key: string): string {
  return key.slice(0, 16);
}

const MOST_SPANS = 8;

/** Numbers of entries, and what they are: `entries 3 (paused), 7 to 9 (look)`. */
function spansText(spans: Signatures["unsigned"]): string {
  const shown = spans.slice(-MOST_SPANS).map(({ from, to, kinds }) => `${from === to ? from : `${from} to ${to}`} (${kinds.join(", ")})`);
  const rest = spans.length - shown.length;
  const word = spans.length === 1 && spans[0]!.from === spans[0]!.to ? "entry" : "entries";
  return `${word} ${rest > 0 ? `… (${rest} more before), ` : ""}${shown.join(", ")}`;
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}
