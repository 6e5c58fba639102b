import { percent } from "../judge/numbers.ts";
import type { Plan } from "../model/plan.ts";
import { ASSUMED_SEGMENT } from "./groups.ts";
import type { Expected } from "./sizeExpected.ts";
import { sizeAt, type GuardrailSize } from "./sizeGuardrail.ts";

/**
 * How small a harm each stage can see, and what it takes to see the harm that its guardrails name: the minimum viable
 * audience. By the judge's own formulas (`stats/sizing.ts`), with the traffic and the rates that are expected.
 *
 * A stage is sized by itself. The evidence of most tests goes on from stage to stage, so that a harm that is there from the
 * beginning is found sooner than this says.
 */
export interface PlanSize {
  readonly rollout: string;
  /** Requests a minute of everybody, and how many users they are. */
  readonly traffic?: number;
  readonly units?: number;
  readonly falseRollback: number;
  /** What each metric is taken to be while nothing harms it. */
  readonly expected: readonly { metric: string; text: string }[];
  readonly stages: readonly StageSize[];
  /** What else the sizes rest on, and what would make them say more. */
  readonly notes: readonly string[];
}

export interface StageSize {
  readonly name: string;
  /** Milliseconds. */
  readonly bake: number;
  /** Whether users meet the feature here, and not testers alone. */
  readonly hasUsers: boolean;
  /** Whether some guardrail would see ten times what it allows. */
  readonly tellsAnything: boolean;
  readonly guardrails: readonly GuardrailSize[];
}

/** Sizes every stage of a plan. */
export function sizeOf(plan: Plan, expected: Expected): PlanSize {
  const { units } = plan.audience;
  const judgedBefore = new Map<string, number>();
  const stages = plan.stages.map((stage): StageSize => {
    const sized = plan.guardrails
      .filter((guardrail) => !guardrail.stages || guardrail.stages.includes(stage.name))
      .map((guardrail) => sizeAt({ plan, guardrail, stage, expected, stagesBefore: judgedBefore.get(guardrail.id) ?? 0 }));
    for (const { size } of sized)
      if (size.kind !== "notJudged") judgedBefore.set(size.guardrail, (judgedBefore.get(size.guardrail) ?? 0) + 1);
    return {
      name: stage.name,
      bake: stage.bake,
      hasUsers: stage.exposure.everyone > 0 || Object.keys(stage.exposure.segments).length > 0,
      tellsAnything: sized.some(({ tellsAnything }) => tellsAnything),
      guardrails: sized.map(({ size }) => size),
    };
  });
  return {
    rollout: plan.rollout,
    ...(expected.traffic !== undefined && { traffic: expected.traffic }),
    ...(units !== undefined && { units }),
    falseRollback: plan.policy.falseRollback,
    expected: Object.entries(expected.metrics).map(([metric, { text }]) => ({ metric, text })),
    stages,
    notes: notesOf(plan, expected),
  };
}

function notesOf({ audience, stages }: Plan, { traffic }: Expected): string[] {
  const exposed = new Set(stages.flatMap(({ exposure }) => Object.keys(exposure.segments)));
  const unknown = [...exposed].filter((name) => audience.segments[name]?.units === undefined || audience.units === undefined).sort();
  return [
    ...(traffic === undefined
      ? ["how much traffic there is, nobody says, so nothing is said of what a bake sees: add --traffic 6000/min, or audience.traffic"]
      : []),
    ...(audience.units === undefined ? ["how many users there are, nobody says: add --units 50000, or audience.units"] : []),
    ...(unknown.length > 0
      ? [`${unknown.join(", ")}: taken to be ${percent(ASSUMED_SEGMENT)} of everybody each, as \`units\` do not say how many they are`]
      : []),
    ...(audience.eligible || audience.exclude.length > 0 ? ["all traffic is taken to be of users who may get the feature"] : []),
  ];
}
