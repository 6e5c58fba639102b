import { describeExposure } from "../core/exposure.ts";
import type { Actor, Entry, EntryOf } from "../model/entry.ts";
import type { FlagReading } from "../model/flag.ts";
import type { Plan } from "../model/plan.ts";
import { blastRadiusSentence } from "./standing.ts";
import { plainStyle, type Style } from "./style.ts";
import { csvText, terminalText } from "./text.ts";

/** What an entry says, in one line of words. `plan` is that of the run after it. */
export function entrySentence(entry: Entry, plan: Plan): string {
  switch (entry.kind) {
    case "started":
      return startedSentence(entry, plan);
    case "look":
      return lookSentence(entry, plan);
    case "intent":
      return `${purposes[entry.data.purpose]} ${describeExposure(entry.data.to)} (was ${describeExposure(entry.data.from)}): ${entry.data.reason}`;
    case "applied":
      return `written and read back${entry.data.recovered ? " (found by a later command)" : ""}, entry ${entry.data.intent}`;
    case "abandoned":
      return `entry ${entry.data.intent} was given up: ${entry.data.reason}`;
    case "repaired":
      return `the flag was put back: it said ${foundText(entry.data.found)}`;
    case "spooled":
      return spooledSentence(entry);
    case "paused":
      return `by a person: ${entry.data.reason}`;
    case "resumed":
      return resumedSentence(entry);
    case "planChanged":
      return `plan ${entry.data.planHash.slice(0, 12)} ${entry.data.by === "words" ? "taken over, words alone" : "accepted"}: ${entry.data.changes.join(", ")}`;
    case "judgeChanged":
      return judgeChangedSentence(entry);
    case "ended":
      return `${entry.data.outcome}: ${entry.data.reason}`;
    default:
      return entry satisfies never;
  }
}

const purposes: Record<EntryOf<"intent">["data"]["purpose"], string> = {
  advance: "advance to",
  rollback: "roll back to",
  repair: "put back",
  restore: "restore",
};

function startedSentence({ run, data }: EntryOf<"started">, plan: Plan): string {
  const where = data.adopted ? `, adopting ${describeExposure(data.exposure)}` : "";
  const why = data.reason === undefined ? "" : `: ${data.reason}`;
  return `run ${run} of plan ${data.planHash.slice(0, 12)}, flag ${plan.flag.key}${where}${why}`;
}

function lookSentence({ data: { decision } }: EntryOf<"look">, plan: Plan): string {
  const because = decision.because.map(({ sentence }) => sentence).join("; ");
  const what = decision.kind === "advance" ? `advance to ${plan.stages[decision.stage]?.name ?? "?"}` : decision.kind;
  const cost = "blastRadius" in decision && decision.blastRadius ? `; ${blastRadiusSentence(decision.blastRadius)}` : "";
  return `${what}: ${because}${cost}`;
}

function spooledSentence({ data: { at, actor, reason, stands } }: EntryOf<"spooled">): string {
  const since = stands ? "" : "; the flag is on again since, or the run is another";
  return `rolled back without a ledger at ${new Date(at).toISOString()} by ${actorText(actor)}: ${reason}${since}`;
}

function resumedSentence({ data }: EntryOf<"resumed">): string {
  const how = { plain: "by a person", adopt: "taking over what the flag says", restore: "restoring what the ledger says" }[data.mode];
  return [how, ...(data.despiteBreach ? ["despite the breach"] : []), ...(data.reason === undefined ? [] : [data.reason])].join(": ");
}

function judgeChangedSentence({ data: { from, to, restarted } }: EntryOf<"judgeChanged">): string {
  const anew = restarted.length === 0 ? "all evidence carries over" : `these begin again: ${restarted.join(", ")}`;
  return `${to} judges from now on, ${from} did before; ${anew}`;
}

function foundText(found: FlagReading): string {
  return found.kind === "known" ? describeExposure(found.exposure) : found.found;
}

/** Who it was, and who says so: the process of itself, or the issuer of its token to that process. */
export function actorText({ who, where, proven }: Actor): string {
  return `${who}@${where}, ${proven ? `proven to its runner by ${hostOf(proven.issuer)}` : "claimed"}`;
}

function hostOf(address: string): string {
  return address.replace(/^https?:\/\//, "");
}

const KIND_WIDTH = "planChanged".length;

/** One entry of a log as a line: number, time, what happened, and who says to have done it. */
export function logLine(entry: Entry, plan: Plan, style: Style = plainStyle): string {
  const time = new Date(entry.at)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, "Z");
  const kind = kindColour(entry, style)(entry.kind.padEnd(KIND_WIDTH));
  const by = style.dim(`[${terminalText(actorText(entry.actor))}]`);
  return `${String(entry.seq).padStart(5)}  ${time}  ${kind}  ${terminalText(entrySentence(entry, plan))}  ${by}`;
}

function kindColour(entry: Entry, style: Style): (text: string) => string {
  if (entry.kind === "look") return entry.data.decision.kind === "rollback" ? style.red : style.dim;
  if (entry.kind === "intent") return entry.data.purpose === "rollback" ? style.red : style.bold;
  if (entry.kind === "spooled") return style.red;
  if (entry.kind === "paused" || entry.kind === "abandoned" || entry.kind === "repaired") return style.yellow;
  return style.green;
}

/** The columns of a log as a table. */
export const CSV_HEADER = "seq,at,run,kind,who,where,sentence,hash";

/** One entry of a log as a row of a table. */
export function csvLine(entry: Entry, plan: Plan, hash: string): string {
  const { seq, at, run, kind, actor } = entry;
  const cells = [seq, new Date(at).toISOString(), run, kind, actor.who, actor.where, entrySentence(entry, plan), hash];
  return cells.map((cell) => csvText(String(cell))).join(",");
}
