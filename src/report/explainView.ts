import { count, duration } from "../core/words.ts";
import type { Preview, StagePreview } from "./explain.schema.ts";
import {
  aboutTexts,
  bucketedText,
  changesText,
  earliestText,
  policySentences,
  roundAmount,
  samplesText,
  signedText,
} from "./explainWords.ts";
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

function head(preview: Preview, style: Style): string[] {
  const { rollout, planHash, owner, hypothesis, risks, flag } = preview;
  const signed = signedText(preview);
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
    row("bucketed by", terminalText(bucketedText(flag)), style),
    row("changes", changesText(flag), style),
    ...policySentences(preview).map((sentence, index) => row(index === 0 ? "policy" : "", terminalText(sentence), style)),
    ...(signed === undefined ? [] : [row("ledger", terminalText(signed), style)]),
  ];
}

function audience({ audience: { eligible, exclude, testers, holdout, units, traffic, segments } }: Preview, style: Style): string[] {
  const size = [
    ...(units === undefined ? [] : [`about ${count(units)} users`]),
    ...(traffic === undefined ? [] : [`about ${roundAmount(traffic)} requests/min`]),
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

function stageLines(stage: StagePreview, index: number, preview: Preview, style: Style): string[] {
  const { name, who, begins, lasts, bake, minSamples, guards } = stage;
  const judged = guards.filter((guard) => guard.judged);
  const unjudged = guards.filter((guard) => !guard.judged);
  return [
    `${style.bold(`Stage ${index + 1}: ${terminalText(name)}`)}  ${style.dim(`${earliestText(begins)}, for at least ${duration(lasts)}`)}`,
    row("who", [terminalText(who), ...aboutTexts(stage, preview)].join("; "), style),
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
  const everybody = everybodyAfter === undefined ? "never, by this plan" : earliestText(everybodyAfter);
  return [style.bold("End"), row("at 100%", everybody, style), row("complete", earliestText(completeAfter), style)];
}

function row(label: string, text: string, style: Style): string {
  return `  ${style.dim(label.padEnd(LABEL))}${label.length < LABEL ? "" : " "}${text}`;
}
