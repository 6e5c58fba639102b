import { count, duration } from "../core/words.ts";
import type { Plan } from "../model/plan.ts";
import { sizeOf, type PlanSize, type StageSize } from "./size.ts";
import { expectedBy } from "./sizeExpected.ts";
import type { GuardrailSize } from "./sizeGuardrail.ts";
import { roughly } from "./sizeHarm.ts";
import { spanText } from "./sizeMends.ts";

/** A stage that is over before it has seen what its guardrails name. */
export interface BlindStage {
  /** Its position in the plan. */
  readonly stage: number;
  readonly guardrails: readonly string[];
  readonly message: string;
  readonly mend: string;
}

/** The stages of a plan that cannot see in their bake what their guardrails name; none where the plan does not tell its traffic. */
export function blindStages(plan: Plan, size: PlanSize = sizeOf(plan, expectedBy(plan))): BlindStage[] {
  if (size.traffic === undefined) return [];
  const first = size.stages.findIndex(({ hasUsers }) => hasUsers);
  return size.stages.flatMap((stage, index) => {
    const blind = stage.guardrails.filter(isBlind);
    if (blind.length === 0) return [];
    const guardrails = blind.map(({ guardrail }) => guardrail);
    const isMute = index === first && !stage.tellsAnything;
    const message = `${isMute ? muteText(stage) : blindText(stage, blind)}: ${namedText(blind)}${thenText(blind, plan)}`;
    return [{ stage: index, guardrails, message, mend: mendOf(blind) }];
  });
}

type Blind = Extract<GuardrailSize, { kind: "requests" | "readings" }>;

function isBlind(size: GuardrailSize): size is Blind {
  return (size.kind === "requests" || size.kind === "readings") && (size.can === "blind" || size.can === "never");
}

/** So many are named; `rollout size` tells of the others. */
const MOST_NAMED = 3;

function blindText({ bake, guardrails }: StageSize, blind: readonly Blind[]): string {
  const all = guardrails.filter(({ kind }) => kind === "requests" || kind === "readings").length;
  const which = all === 1 ? "its guardrail names" : `${blind.length} of its ${all} guardrails ${blind.length === 1 ? "names" : "name"}`;
  return `this stage cannot see in its bake of ${spanText(bake)} what ${which}`;
}

function muteText({ bake }: StageSize): string {
  return `the first stage that users meet is too small to tell anything: in its bake of ${spanText(bake)} no guardrail sees even ten times what it allows`;
}

function namedText(blind: readonly Blind[]): string {
  const named = blind.slice(0, MOST_NAMED).map((size) => `\`${size.guardrail}\` ${whyBlind(size)}`);
  return [...named, ...(blind.length > MOST_NAMED ? [`and ${blind.length - MOST_NAMED} more`] : [])].join("; ");
}

function whyBlind(size: Blind): string {
  if (size.kind === "readings") return `takes ${size.needs} readings, and there are ${size.inBake}`;
  const { names, sees80, because, needs, inBake } = size;
  if (needs === undefined) return `names ${names.short}, and ${because}`;
  const sees = sees80 ? `sees ${sees80.short} or worse` : "sees nothing at all";
  return `names ${names.short}, and ${sees} in ${count(inBake!)} of the ${roughly(needs)} requests that it takes`;
}

/** What a rollout does about it by itself. */
function thenText(blind: readonly Blind[], { policy: { onBlind } }: Plan): string {
  const known = blind.flatMap((size) => (size.kind === "requests" && size.can === "blind" && size.sizedInRun ? [size.takes!] : []));
  if (known.length === 0) return "";
  if (onBlind === "hold") return `. By \`onBlind: hold\` it goes on for about ${duration(wholeMinutes(Math.max(...known)))}`;
  return onBlind === "pause" ? ". By `onBlind: pause` it pauses there" : ". By `onBlind: advance` it goes on all the same";
}

/** What lets all of them see, the longest bake and the largest share, and what to do about those that never do. */
function mendOf(blind: readonly Blind[]): string {
  const able = blind.filter(({ can }) => can === "blind");
  const changes = able.length === 0 ? [] : CHANGES.flatMap((change) => mendOfAll(able, change) ?? []);
  const never = blind.flatMap((size) => (size.kind === "requests" && size.can === "never" ? size.mends : []));
  const others = new Set(never.map(({ change }) => (change === "stages" ? BY_GROUP : SMALLER)));
  const all = [...(changes.length > 0 ? [changes.join(", or ")] : []), ...others];
  return all.length > 0 ? `${all.join("; and ")}; see \`rollout size\`` : "see `rollout size`, which tells what would do for each of them";
}

const BY_GROUP = "count by group what is one number for everybody, or let it guard larger stages alone (`stages`)";
const SMALLER = "name a smaller harm with `detect`";
const CHANGES = ["bake", "share", "minSamples"] as const;

/** A change that helps each of them; what helps one alone is told by `rollout size`. */
function mendOfAll(blind: readonly Blind[], change: (typeof CHANGES)[number]): string | undefined {
  const own = blind.map((size) => {
    if (size.kind === "requests") return size.mends.find((mend) => mend.change === change);
    return change === "bake" ? { to: size.takes, text: `bake ${spanText(size.takes)}` } : undefined;
  });
  if (!own.every((each) => each !== undefined)) return undefined;
  return own.reduce((best, each) => ((each.to ?? 0) > (best.to ?? 0) ? each : best)).text;
}

function wholeMinutes(milliseconds: number): number {
  return Math.ceil(milliseconds / 60_000) * 60_000;
}
