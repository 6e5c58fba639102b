import { count, duration } from "../core/words.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
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
import { blocks, code, joined, list, marked, table, withCode, type Markdown } from "./markdown.ts";
import type { Validation } from "./validate.schema.ts";

/** A preview as Markdown. */
export function explainMarkdown(preview: Preview): Markdown {
  const { rollout, planHash, warnings, guardrails, goals, stages, everybodyAfter, completeAfter } = preview;
  const actions = { rollback: "rolls back", pause: "pauses", notify: "notifies" };
  return blocks(
    marked`### Plan of ${code(rollout)}`,
    headMarkdown(preview),
    table(
      ["stage", "who", "earliest", "waits for", "guarded by", "not judged"],
      stages.map((stage) => stageRow(stage, preview)),
    ),
    marked`At 100%: ${everybodyAfter === undefined ? "never, by this plan" : earliestText(everybodyAfter)}. Complete: ${earliestText(completeAfter)}.`,
    table(
      ["guardrail", "stages", "else", "to know"],
      guardrails.map(({ sentence, stages: at, onBreach, notes }) => [
        marked`${sentence}`,
        marked`${at?.join(", ") ?? "all"}`,
        marked`${actions[onBreach]}`,
        marked`${notes.join("; ")}`,
      ]),
    ),
    ...(goals.length === 0
      ? []
      : [marked`Goals, which decide nothing by themselves:`, list(goals.map(({ sentence }) => marked`${sentence}`))]),
    audienceMarkdown(preview),
    list(policySentences(preview).map(withCode)),
    diagnosticsMarkdown(warnings),
    marked`plan ${code(planHash)}`,
  );
}

function headMarkdown(preview: Preview): Markdown {
  const { owner, hypothesis, risks, flag } = preview;
  const signed = signedText(preview);
  return list([
    ...(owner === undefined ? [] : [marked`owner: ${owner}`]),
    ...(hypothesis === undefined ? [] : [marked`hypothesis: ${hypothesis}`]),
    ...risks.map((risk) => marked`risk: ${risk}`),
    marked`flag: ${flag.key} at ${flag.backend}, ${flag.treatment} for the treatment, ${flag.control} for the control, bucketed by ${bucketedText(flag)}`,
    marked`changes: ${changesText(flag)}`,
    ...(signed === undefined ? [] : [marked`ledger: ${signed}`]),
  ]);
}

function stageRow(stage: StagePreview, preview: Preview): Markdown[] {
  const { name, who, begins, lasts, bake, minSamples, guards } = stage;
  const guarding = guards.filter((guard) => guard.judged);
  const blind = guards.filter((guard) => !guard.judged);
  return [
    marked`${name}`,
    marked`${[who, ...aboutTexts(stage, preview)].join("; ")}`,
    marked`${begins === 0 ? "at once" : duration(begins)}, for at least ${duration(lasts)}`,
    marked`${duration(bake)} of measured time${samplesText(minSamples)}`,
    guarding.length === 0 ? marked`**nothing**` : cells(guarding.map(({ guardrail, sees }) => marked`${`${guardrail}${seenText(sees)}`}`)),
    cells(blind.map(({ guardrail, reason }) => marked`${guardrail}: ${reason}`)),
  ];
}

function seenText(sees: string | undefined): string {
  if (sees === undefined) return "";
  return sees === "nothing" ? " (sees nothing in its bake)" : ` (sees ${sees} or worse)`;
}

function cells(parts: readonly Markdown[]): Markdown {
  return joined(parts, "<br>");
}

function audienceMarkdown({ audience }: Preview): Markdown {
  const { eligible, exclude, testers, holdout, units, traffic, segments } = audience;
  return table(
    ["audience", ""],
    [
      [marked`eligible`, marked`${eligible ?? "everybody"}`],
      ...(units === undefined ? [] : [[marked`users`, marked`about ${count(units)}`]]),
      ...(traffic === undefined ? [] : [[marked`requests`, marked`about ${roundAmount(traffic)} a minute`]]),
      ...(exclude.length === 0 ? [] : [[marked`excluded`, marked`${exclude.join(", ")}`]]),
      ...(testers.length === 0 ? [] : [[marked`testers`, marked`${testers.join(", ")}`]]),
      ...(holdout === "0%" ? [] : [[marked`holdout`, marked`${holdout}`]]),
      ...segments.map(({ name, rule }) => [marked`${name}`, marked`${rule}`]),
    ],
  );
}

/** What is wrong with plans, as Markdown. */
export function validationMarkdown({ plans }: Validation): Markdown {
  return blocks(
    ...plans.flatMap(({ file, valid, diagnostics }) => [
      marked`### ${file}: ${valid ? "valid" : "not valid"}`,
      diagnosticsMarkdown(diagnostics),
    ]),
  );
}

function diagnosticsMarkdown(diagnostics: readonly Diagnostic[]): Markdown {
  return table(
    ["", "where", "what", "mend"],
    diagnostics.map(({ severity, range, path, message, mend }) => [
      severity === "error" ? marked`**${severity}**` : marked`${severity}`,
      marked`line ${range.line}, column ${range.column}${path === "" ? "" : `: ${path}`}`,
      withCode(message),
      withCode(mend),
    ]),
  );
}
