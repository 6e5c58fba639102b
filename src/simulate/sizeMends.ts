import { describeShare, isFull } from "../core/exposure.ts";
import { percent } from "../judge/numbers.ts";
import { EVERYBODY, type Exposure, type Share } from "../model/exposure.ts";
import type { Limit, Plan, Stage } from "../model/plan.ts";
import { amountText } from "../model/units.ts";
import { harmOf } from "./sizeHarm.ts";
import type { SizedTest, Watched } from "./sizeTest.ts";

/** One way to let a stage see what a guardrail names; any of them does by itself. */
export interface Mend {
  readonly change: "bake" | "share" | "minSamples" | "detect" | "guardrails" | "traffic" | "stages";
  /** Milliseconds, a share in thousandths of a percent, how many guardrails, how many times the traffic. */
  readonly to?: number;
  /** `bake 2h30m`. */
  readonly text: string;
}

/** What a stage's guardrail is asked with, and how to ask it in other circumstances. */
export interface Asked {
  readonly plan: Plan;
  readonly stage: Stage;
  readonly test: SizedTest;
  readonly watched: Watched;
  readonly inBake: number;
  readonly needs: number;
  readonly alpha: number;
  /** The same guardrail where the exposure, the traffic (so many times) or α is another; nothing where it cannot be sized. */
  again(changed: { exposure?: Exposure; traffic?: number; alpha?: number }): { needs: number; inBake: number } | undefined;
}

/** Nobody bakes for longer. */
const LONGEST_BAKE = 30 * 86_400_000;
const MOST_TRAFFIC = 1000;
const ROUNDS = 12;

/** All that would do, the easiest first. */
export function mendsOf(asked: Asked): Mend[] {
  return [bakeMend, samplesMend, shareMend, detectMend, guardrailsMend, trafficMend].flatMap((mend) => mend(asked) ?? []);
}

function bakeMend({ watched, needs }: Asked): Mend | undefined {
  if (!watched.perMinute || !Number.isFinite(needs)) return undefined;
  const bake = niceSpan((needs / watched.perMinute) * 60_000);
  return bake <= LONGEST_BAKE ? { change: "bake", to: bake, text: `bake ${spanText(bake)}` } : undefined;
}

function samplesMend({ stage, test, needs }: Asked): Mend | undefined {
  if (!test.sizedInRun || stage.minSamples === "auto" || !Number.isFinite(needs)) return undefined;
  return { change: "minSamples", text: "set `minSamples: auto`, which waits for as many" };
}

/** The smallest share that would do: a larger one needs other numbers of requests, so it is found step by step. */
function shareMend({ stage: { exposure }, watched, inBake, needs, again }: Asked): Mend | undefined {
  const most = watched.controlPerTreated === undefined ? EVERYBODY : EVERYBODY / 2;
  let now = { needs, inBake };
  let share = shareIn(exposure);
  for (let round = 0; round < ROUNDS && share !== undefined; round++) {
    if (now.needs <= now.inBake) return round === 0 ? undefined : { change: "share", to: share, text: `expose ${describeShare(share)}` };
    share = niceShare((share * now.needs) / Math.max(1, now.inBake));
    if (!(share <= most)) return undefined;
    const next = again({ exposure: withShare(exposure, share) });
    if (!next) return undefined;
    now = next;
  }
  return undefined;
}

function detectMend({ test, inBake }: Asked): Mend | undefined {
  const seen = test.canDetect ? test.sees(inBake, 0.8) : undefined;
  if (seen === undefined) return undefined;
  const rounded = niceSize(test.limit, seen);
  return rounded === undefined
    ? undefined
    : { change: "detect", text: `name a larger harm (detect: ${sizeText(test.limit, rounded, test.unit)})` };
}

/** Each guardrail has an equal part of the chance of a false rollback: fewer of them see more each. Half of them are dear enough. */
function guardrailsMend({ plan, alpha, again }: Asked): Mend | undefined {
  const sharing = Math.round((plan.policy.falseRollback * 0.9) / alpha);
  for (let kept = sharing - 1; kept >= sharing / 2; kept--) {
    const now = again({ alpha: (alpha * sharing) / kept });
    if (now && now.needs <= now.inBake)
      return { change: "guardrails", to: kept, text: `keep ${kept} of the ${sharing} guardrails that share the budget` };
  }
  return undefined;
}

function trafficMend({ inBake, needs, again }: Asked): Mend | undefined {
  let now: { needs: number; inBake: number } | undefined = { needs, inBake };
  let times = 1;
  for (let round = 0; round < ROUNDS && now; round++) {
    if (now.needs <= now.inBake) return { change: "traffic", to: times, text: `wait for ${times} times the traffic` };
    times = roundUp((times * now.needs) / Math.max(1, now.inBake), 2);
    if (!(times <= MOST_TRAFFIC)) return undefined;
    now = again({ traffic: times });
  }
  return undefined;
}

/** The share that a stage's percentage is; nothing where it exposes whole segments alone, or everybody. */
function shareIn(exposure: Exposure): Share | undefined {
  if (isFull(exposure)) return undefined;
  if (exposure.everyone > 0) return exposure.everyone;
  return Object.values(exposure.segments).find((share) => share < EVERYBODY);
}

function withShare(exposure: Exposure, share: Share): Exposure {
  if (exposure.everyone > 0) return { ...exposure, everyone: share };
  const segments = Object.entries(exposure.segments).map(([name, own]) => [name, own < EVERYBODY ? share : own] as const);
  return { ...exposure, segments: Object.fromEntries(segments) };
}

function roundUp(value: number, digits: number): number {
  const unit = 10 ** (Math.floor(Math.log10(value)) + 1 - digits);
  return Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(12));
}

function niceShare(share: number): Share {
  return Math.max(1, Math.round(roundUp(share, 2)));
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Rounded up to what one would write. */
function niceSpan(milliseconds: number): number {
  const steps: [upTo: number, step: number][] = [
    [10 * MINUTE, MINUTE],
    [HOUR, 5 * MINUTE],
    [6 * HOUR, 15 * MINUTE],
    [2 * DAY, HOUR],
  ];
  const step = steps.find(([upTo]) => milliseconds <= upTo)?.[1] ?? DAY;
  return Math.ceil(milliseconds / step) * step;
}

/** As a plan writes it: `2h30m`, `3d`. */
export function spanText(milliseconds: number): string {
  if (milliseconds >= 2 * DAY && milliseconds % DAY === 0) return `${milliseconds / DAY}d`;
  const [hours, minutes, seconds] = [
    Math.floor(milliseconds / HOUR),
    Math.floor((milliseconds % HOUR) / MINUTE),
    (milliseconds % MINUTE) / 1000,
  ];
  return [hours > 0 ? `${hours}h` : "", minutes > 0 ? `${minutes}m` : "", seconds > 0 || milliseconds === 0 ? `${seconds}s` : ""].join("");
}

/** Two digits, away from the limit; nothing where there is no such harm. */
function niceSize(limit: Limit, size: number): number | undefined {
  if ("rate" in limit) {
    // Digits from the nearer end: 98.5 % and not 99 %.
    const down = limit.form === "min";
    if (size > 0.5) return down ? 1 - roundUp(1 - size, 2) : undefined;
    return down ? Math.floor(size * 100) / 100 || undefined : roundUp(size, 2);
  }
  if ("value" in limit) return limit.form === "max" ? roundUp(size, 2) : undefined;
  return roundUp(size, 2);
}

function sizeText(limit: Limit, size: number, unit: string | undefined): string {
  const harm = harmOf(limit, size);
  if ("rate" in harm) return percent(harm.rate);
  if ("value" in harm) return amountText(harm.value, unit);
  if ("perHour" in harm) return `${amountText(harm.perHour, unit)}/h`;
  if (harm.by === "value") return amountText(harm.amount, unit);
  return `${Number((harm.amount * 100).toPrecision(12))}${harm.by === "points" ? "pp" : "%"}`;
}
