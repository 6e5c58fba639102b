import { describeShare, isFull, isSplit } from "../core/exposure.ts";
import { isRelative } from "../core/groups.ts";
import type { Diagnostic } from "../model/diagnostic.ts";
import { EVERYBODY, type Exposure } from "../model/exposure.ts";
import type { Audience, Guardrail, Plan, Stage } from "../model/plan.ts";
import type { Preview, StagePreview } from "./explain.schema.ts";
import type { SizeReport, StageSizeReport } from "./size.schema.ts";
import { describeGoal, describeGuardrail, describeRule, describeSampleRatio, describeWho, guardrailNotes } from "./words.ts";

/**
 * What a plan will do: per stage who, when at the earliest, what guards and what cannot be judged. Times are from the
 * start of the rollout and leave out what nobody knows beforehand: waits for data, people and windows.
 */
export function explainPlan(plan: Plan, planHash: string, warnings: readonly Diagnostic[], size?: Pick<SizeReport, "stages">): Preview {
  const { flag, audience, owner, hypothesis } = plan;
  const { stages, completeAfter } = previewStages(plan, size);
  const everybody = stages.find(({ exposure }) => isFull(exposure));
  return {
    schema: "rollout.explain/1",
    rollout: plan.rollout,
    planHash,
    ...(owner === undefined ? {} : { owner }),
    ...(hypothesis === undefined ? {} : { hypothesis }),
    risks: plan.risks,
    flag: {
      backend: flag.backend.type,
      key: flag.key,
      treatment: flag.treatment,
      control: flag.control,
      ...(flag.unit ? { unit: flag.unit.attribute } : {}),
      propagation: flag.propagation,
      writeWithin: flag.writeWithin,
    },
    audience: {
      ...(audience.eligible ? { eligible: describeRule(audience.eligible) } : {}),
      exclude: audience.exclude,
      testers: audience.testers,
      holdout: describeShare(audience.holdout),
      ...(audience.units === undefined ? {} : { units: audience.units }),
      ...(audience.traffic === undefined ? {} : { traffic: audience.traffic }),
      segments: Object.entries(audience.segments).map(([name, { rule, units }]) => ({
        name,
        rule: describeRule(rule),
        ...(units === undefined ? {} : { units }),
      })),
    },
    guardrails: plan.guardrails.map((guardrail) => ({
      id: guardrail.id,
      sentence: describeGuardrail(guardrail, plan.metrics[guardrail.metric]),
      notes: guardrailNotes(guardrail, plan.metrics[guardrail.metric]),
      onBreach: guardrail.onBreach,
      ...(guardrail.stages ? { stages: guardrail.stages } : {}),
    })),
    goals: plan.goals.map((goal) => ({ id: goal.id, sentence: describeGoal(goal, plan.metrics[goal.metric]) })),
    policy: plan.policy,
    sampleRatio: describeSampleRatio(plan),
    ...(plan.ledger ? { ledger: plan.ledger } : {}),
    heartbeat: plan.heartbeat !== undefined,
    stages,
    ...(everybody ? { everybodyAfter: everybody.begins } : {}),
    completeAfter,
    warnings: [...warnings],
  };
}

function previewStages(plan: Plan, size: Pick<SizeReport, "stages"> | undefined): { stages: StagePreview[]; completeAfter: number } {
  let begins = 0;
  const stages = plan.stages.map((stage, index): StagePreview => {
    const { name, exposure, bake, minSamples } = stage;
    const users = usersOf(exposure, plan.audience);
    const requests = requestsOf(exposure, plan.audience);
    const guards = plan.guardrails
      .filter((guardrail) => !guardrail.stages || guardrail.stages.includes(name))
      .map((guardrail) => {
        const reason = blindness(guardrail, stage, plan);
        return reason === undefined
          ? { guardrail: guardrail.id, judged: true as const, ...seenBy(guardrail.id, size?.stages[index]) }
          : { guardrail: guardrail.id, judged: false as const, reason };
      });
    // How many `auto` are depends on what will be measured.
    const samples = minSamples === "auto" ? 0 : minSamples;
    const waitsForSamples = samples > 0 && guards.some(({ judged }) => judged) && requests !== undefined && requests > 0;
    const samplesTake = waitsForSamples ? Math.ceil(samples / requests) * 60_000 : 0;
    const lasts = plan.flag.propagation + Math.max(bake, samplesTake);
    const preview = {
      name,
      who: describeWho(exposure, plan.audience),
      exposure,
      ...(users === undefined ? {} : { users }),
      ...(requests === undefined ? {} : { requestsPerMinute: requests }),
      begins,
      lasts,
      bake,
      minSamples,
      guards,
    };
    begins += lasts;
    return preview;
  });
  return { stages, completeAfter: begins };
}

/** The smallest harm that a guardrail sees, as far as the plan says how much traffic there is. */
function seenBy(guardrail: string, stage: StageSizeReport | undefined): { sees?: string } {
  const own = stage?.guardrails.find((each) => each.guardrail === guardrail);
  return own?.kind === "requests" && own.inBake !== undefined ? { sees: own.sees80?.text ?? "nothing" } : {};
}

/** Why a guardrail cannot be judged at a stage; nothing when it can. */
function blindness(guardrail: Guardrail, { exposure }: Stage, plan: Plan): string | undefined {
  const metric = plan.metrics[guardrail.metric];
  if (!metric?.grouped) return undefined;
  if (exposure.everyone === 0 && Object.keys(exposure.segments).length === 0)
    return "only testers have the feature, and they are outside the statistics";
  if (isSplit(exposure, plan.audience.holdout)) return undefined;
  if (isFull(exposure)) return isRelative(guardrail) ? "at 100% without a holdout nobody is left to compare with" : undefined;
  if (isRelative(guardrail)) return "whole segments alone leave nobody to compare with";
  return metric.labels ? "its labels name the two groups alone, and whole segments are in neither" : undefined;
}

/** About how many users have the feature at an exposure; nothing when the plan does not say how many there are. */
function usersOf(exposure: Exposure, audience: Audience): number | undefined {
  // Testers are few and outside the statistics: where nobody else has the feature, nobody is counted.
  if (exposure.everyone === 0 && Object.keys(exposure.segments).length === 0) return undefined;
  let users = exposure.everyone === 0 ? 0 : share(audience.units, exposure.everyone);
  for (const [name, own] of Object.entries(exposure.segments)) {
    if (own <= exposure.everyone) continue;
    const inSegment = share(audience.segments[name]?.units, own - exposure.everyone);
    users = users === undefined || inSegment === undefined ? undefined : users + inSegment;
  }
  if (users === undefined) return undefined;
  return Math.round(Math.min(users, audience.units ?? users) * (1 - audience.holdout / EVERYBODY));
}

/** About how many requests a minute come from users who have the feature, if all make as many. */
function requestsOf(exposure: Exposure, audience: Audience): number | undefined {
  if (audience.traffic === undefined) return undefined;
  const hasSegments = Object.values(exposure.segments).some((own) => own > exposure.everyone);
  const users = usersOf(exposure, audience);
  const part = hasSegments
    ? users !== undefined && audience.units !== undefined
      ? users / audience.units
      : undefined
    : (exposure.everyone / EVERYBODY) * (1 - audience.holdout / EVERYBODY);
  return part === undefined || part === 0 ? undefined : Number((audience.traffic * part).toPrecision(3));
}

function share(of: number | undefined, part: number): number | undefined {
  return of === undefined ? undefined : (of * part) / EVERYBODY;
}
