import { count, duration } from "../core/words.ts";
import type { Preview, StagePreview } from "./explain.schema.ts";
import { renderDiagnostics } from "./frames.ts";
import { plainStyle, type Style } from "./style.ts";
import { terminalText } from "./text.ts";

const LABEL = 12;

/** A preview for the terminal. */
export function explainView(preview: Preview, style: Style = plainStyle): string {
  const sections = [
    head(preview, style),
    audience(preview, style),
    guardrails(preview, style),
    goals(preview, style),
    ...preview.stages.map((stage, index) => stageLines(stage, index, preview, style)),
    end(preview, style),
  ];
  const text = sections.filter((lines) => lines.length > 0).map((lines) => `${lines.join("\n")}\n`);
  if (preview.warnings.length > 0) text.push(renderDiagnostics(preview.warnings, style));
  return text.join("\n");
}

function head({ rollout, planHash, owner, hypothesis, risks, flag, policy, sampleRatio, ledger }: Preview, style: Style): string[] {
  const bucketed = flag.unit === undefined ? "what the flag system buckets by itself (an SDK's targeting key)" : flag.unit;
  const { falseRollback, poll, onInconclusive, onBlind, onNoData } = policy;
  return [
    `${style.bold(terminalText(rollout))}  ${style.dim(`plan ${planHash.slice(0, 12)}`)}`,
    ...(owner === undefined ? [] : [row("owner", terminalText(owner), style)]),
    ...(hypothesis === undefined ? [] : [row("hypothesis", terminalText(hypothesis), style)]),
    ...risks.map((risk, index) => row(index === 0 ? "risks" : "", terminalText(risk), style)),
    row(
      "flag",
      `${terminalText(flag.key)} at ${terminalText(flag.backend)}: ${terminalText(flag.treatment)} for the treatment, ${terminalText(flag.control)} for the control`,
      style,
    ),
    row("bucketed by", terminalText(bucketed), style),
    row(
      "changes",
      `written within ${duration(flag.writeWithin)}, seen by every client ${flag.propagation === 0 ? "at once" : `after ${duration(flag.propagation)}`}`,
      style,
    ),
    row(
      "policy",
      `at most ${Number((falseRollback * 100).toPrecision(6))}% false rollbacks; a look every ${duration(poll)}; ${inconclusive[onInconclusive]}`,
      style,
    ),
    row("", `${blind[onBlind]} a stage has seen too little to show the harm that its guardrails name`, style),
    row("", `without data it holds for ${duration(onNoData.hold)}, then it ${onNoData.then === "pause" ? "pauses" : "rolls back"}`, style),
    row("", terminalText(sampleRatio), style),
    ...(ledger ? [row("ledger", `signed with ${terminalText(ledger.signingKey)} by whoever can read it`, style)] : []),
  ];
}

const inconclusive: Record<Preview["policy"]["onInconclusive"], string> = {
  advance: "advances when nothing was found",
  hold: "holds while a guardrail is inconclusive",
  pause: "pauses when a guardrail is inconclusive",
};

const blind: Record<Preview["policy"]["onBlind"], string> = {
  advance: "advances even where",
  hold: "holds while",
  pause: "pauses where",
};

function audience({ audience: { eligible, exclude, testers, holdout, units, traffic, segments } }: Preview, style: Style): string[] {
  const size = [
    ...(units === undefined ? [] : [`about ${count(units)} users`]),
    ...(traffic === undefined ? [] : [`about ${amount(traffic)} requests/min`]),
  ];
  return [
    style.bold("Audience"),
    row("eligible", eligible === undefined ? "everybody" : terminalText(eligible), style),
    ...(size.length === 0 ? [] : [row("size", size.join(", "), style)]),
    ...(exclude.length === 0 ? [] : [row("excluded", exclude.join(", "), style)]),
    ...(testers.length === 0 ? [] : [row("testers", testers.join(", "), style)]),
    ...(holdout === "0%" ? [] : [row("holdout", holdout, style)]),
    ...segments.map(({ name, rule, units: known }) =>
      row(name, `${terminalText(rule)}${known === undefined ? "" : ` (about ${count(known)} users)`}`, style),
    ),
  ];
}

function guardrails({ guardrails: all }: Preview, style: Style): string[] {
  if (all.length === 0) return [];
  const actions = { rollback: "else roll back", pause: "else pause", notify: "else notify" };
  return [
    style.bold("Guardrails"),
    ...all.flatMap(({ sentence, notes, onBreach, stages }) => {
      const where = stages ? ` (at ${stages.map(terminalText).join(", ")})` : "";
      const lines = notes.map((note) => `    ${style.dim(terminalText(note))}`);
      return [`  ${terminalText(sentence)}${where}; ${actions[onBreach]}`, ...lines];
    }),
  ];
}

function goals({ goals: all }: Preview, style: Style): string[] {
  if (all.length === 0) return [];
  return [
    `${style.bold("Goals")}  ${style.dim("hoped for; they decide nothing by themselves")}`,
    ...all.map(({ sentence }) => `  ${terminalText(sentence)}`),
  ];
}

/** How many treated requests a stage waits for. */
function samplesText(minSamples: StagePreview["minSamples"]): string {
  if (minSamples === "auto") return ", and as many treated requests as show the harm that each guardrail names";
  return minSamples > 0 ? `, and ${count(minSamples)} treated requests for each guardrail` : "";
}

function stageLines(stage: StagePreview, index: number, { audience: { eligible, exclude } }: Preview, style: Style): string[] {
  const { name, who, users, requestsPerMinute, begins, lasts, bake, minSamples, guards } = stage;
  const about = eligible === undefined && exclude.length === 0 ? "about" : "at most about";
  const size = [
    ...(users === undefined ? [] : [`${about} ${count(users)} users`]),
    ...(requestsPerMinute === undefined ? [] : [`${about} ${amount(requestsPerMinute)} requests/min`]),
  ];
  const judged = guards.filter((guard) => guard.judged);
  const unjudged = guards.filter((guard) => !guard.judged);
  const start = begins === 0 ? "at once" : `after ${duration(begins)} at the earliest`;
  return [
    `${style.bold(`Stage ${index + 1}: ${terminalText(name)}`)}  ${style.dim(`${start}, for at least ${duration(lasts)}`)}`,
    row("who", [terminalText(who), ...size].join("; "), style),
    row("waits for", `${duration(bake)} of measured time${samplesText(minSamples)}`, style),
    ...judged.map(({ guardrail, sees }, position) => {
      const seen =
        sees === undefined ? "" : sees === "nothing" ? style.yellow(", sees nothing in its bake") : `, sees ${terminalText(sees)} or worse`;
      return row(position === 0 ? "guarded by" : "", `${style.green(terminalText(guardrail))}${seen}`, style);
    }),
    ...(judged.length === 0 ? [row("guarded by", style.yellow("nothing"), style)] : []),
    ...unjudged.map(({ guardrail, reason }, position) =>
      row(position === 0 ? "not judged" : "", `${style.yellow(terminalText(guardrail))}: ${terminalText(reason)}`, style),
    ),
  ];
}

function end({ everybodyAfter, completeAfter }: Preview, style: Style): string[] {
  const everybody =
    everybodyAfter === undefined
      ? "never, by this plan"
      : everybodyAfter === 0
        ? "at once"
        : `after ${duration(everybodyAfter)} at the earliest`;
  return [style.bold("End"), row("at 100%", everybody, style), row("complete", `after ${duration(completeAfter)} at the earliest`, style)];
}

function row(label: string, text: string, style: Style): string {
  return `  ${style.dim(label.padEnd(LABEL))}${label.length < LABEL ? "" : " "}${text}`;
}

/** Large amounts whole, small ones with what matters of them. */
function amount(value: number): string {
  return value >= 100 ? count(value) : String(Number(value.toPrecision(2)));
}
