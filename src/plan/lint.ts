import { describeExposure, describeShare, isFull, isSplit, wholeSegments } from "../core/exposure.ts";
import { EVERYBODY } from "../model/exposure.ts";
import type { Guardrail, Plan, Stage } from "../model/plan.ts";
import { likelyUnit } from "../model/units.ts";
import type { Problems } from "./problems.ts";

/** More than this at once is a large first step. */
const CAUTIOUS = EVERYBODY / 20;

/** Warns of what a valid plan probably does not mean. */
export function lint(plan: Plan, problems: Problems): void {
  if (plan.guardrails.length === 0) {
    problems.warning(["guardrails"], {
      message: "the plan has no guardrails: nothing but a person stops this rollout",
      mend: "add a metric and a guardrail on it, such as `- { metric: errors, maxIncrease: 20% }`",
    });
  }
  lintFirstStep(plan, problems);
  lintUnits(plan, problems);
  lintRequired(plan, problems);
  for (const [index, stage] of plan.stages.entries()) lintStage(plan, stage, index, problems);
  lintEnd(plan, problems);
  lintExcluded(plan, problems);
}

function lintFirstStep({ stages }: Plan, problems: Problems): void {
  const index = stages.findIndex(({ exposure }) => exposure.everyone > 0);
  const share = stages[index]?.exposure.everyone ?? 0;
  if (share <= CAUTIOUS) return;
  problems.warning(["stages", index], {
    message: `the first stage that all users may be in begins with ${describeShare(share)} of them`,
    mend: "begin with 1% or less, so that harm is found while few have met it",
  });
}

/** A unit of one's own converts to nothing, so one that only looks like another is probably a slip. */
function lintUnits({ metrics }: Plan, problems: Problems): void {
  for (const [name, metric] of Object.entries(metrics)) {
    const unit = "unit" in metric ? metric.unit : undefined;
    const likely = unit === undefined ? undefined : likelyUnit(unit);
    if (likely === undefined) continue;
    problems.warning(["metrics", name, "unit"], {
      message: `\`${unit}\` is taken for a unit of its own, which converts to no other`,
      mend: `write ${likely}, if that is meant`,
    });
  }
}

/** That two groups are exactly alike can never be shown. */
function lintRequired({ guardrails }: Plan, problems: Problems): void {
  for (const [index, { limit, require }] of guardrails.entries()) {
    if (require === undefined || !("amount" in limit) || limit.amount > 0) continue;
    problems.warning(["guardrails", index, "require"], {
      message: "that nothing at all got worse can never be shown, so no stage that this guards is ever left",
      mend: `allow a little, such as \`${limit.form}: 5%\`, or remove \`require\``,
    });
  }
}

/** Relative guardrails need two groups that chance alone tells apart. */
function lintStage({ guardrails, audience }: Plan, stage: Stage, index: number, problems: Problems): void {
  const blind = guardrails
    .filter((guardrail) => covers(guardrail, stage) && "amount" in guardrail.limit && !guardrail.versus)
    .map(({ id }) => id);
  if (blind.length === 0 || isSplit(stage.exposure, audience.holdout)) return;
  const names = blind.map((id) => `\`${id}\``).join(", ");
  if (isFull(stage.exposure)) {
    problems.warning(["stages", index], {
      message: `at 100% without a holdout nobody is left to compare with: ${names} cannot be judged`,
      mend: "keep a `holdout`, such as 5%, or add an absolute limit (`max`)",
    });
  } else if (wholeSegments(stage.exposure).length > 0) {
    problems.warning(["stages", index], {
      message: `whole segments alone (${describeExposure(stage.exposure)}) leave nobody to compare with: ${names} cannot be judged`,
      mend: "add an absolute limit (`max`), or expose a percentage of the segment",
    });
  }
}

function lintEnd({ stages }: Plan, problems: Problems): void {
  const last = stages.at(-1);
  if (!last || isFull(last.exposure)) return;
  problems.warning(["stages", stages.length - 1], {
    message: `the rollout ends at ${describeExposure(last.exposure)}: it never reaches everybody`,
    mend: "add a last stage of 100%, if it is meant to",
  });
}

function lintExcluded({ audience, stages }: Plan, problems: Problems): void {
  const never = new Set(audience.exclude);
  for (const [index, name] of audience.testers.entries()) {
    if (!never.has(name)) continue;
    problems.warning(["audience", "testers", index], {
      message: `\`${name}\` is excluded as well, and exclusion wins`,
      mend: "take it out of one of the two",
    });
  }
  const seen = new Set<string>();
  for (const [index, { exposure }] of stages.entries()) {
    for (const name of Object.keys(exposure.segments)) {
      if (!never.has(name) || seen.has(name)) continue;
      seen.add(name);
      problems.warning(["stages", index], {
        message: `\`${name}\` is excluded, so this stage does not reach it`,
        mend: "take it out of `audience.exclude`, or out of the stage",
      });
    }
  }
}

function covers({ stages }: Guardrail, { name }: Stage): boolean {
  return !stages || stages.includes(name);
}
