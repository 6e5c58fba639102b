import type { Instant } from "../model/measurement.ts";
import type { Judge } from "../model/judge.ts";
import type { Plan } from "../model/plan.ts";
import type { State } from "../model/state.ts";
import type { Decision, Verdict } from "../model/verdict.ts";
import type { SeriesEvent } from "./series.ts";
import { beginVirtualRun, moveVirtualRun, takeVirtualLook, type Looked, type VirtualLook } from "./virtualRun.ts";

/** What a plan would have done on a series of observations. */
export interface Replayed {
  /** `unfinished`: the observations ended first. A pause ends it too: nobody is there to resume. */
  outcome: "complete" | "rolledBack" | "paused" | "unfinished";
  /** The instant of the look that acted, or of the last. */
  at: Instant | undefined;
  /** Its number, from 1 on. */
  look: number;
  /** The stage in which it acted; nothing before the first. */
  stage: string | undefined;
  cause: Extract<Decision, { cause: string }>["cause"] | undefined;
  /** The verdict that was the reason, where one was. */
  verdict: Verdict | undefined;
  /** Why, in words. */
  sentence: string;
}

export interface Replay {
  /** Gives what the plan did once it has acted for good; nothing of what comes then is looked at. */
  take(event: SeriesEvent): Replayed | undefined;
  /** What it has come to when nothing more comes. */
  end(): Replayed;
}

export interface ReplayOptions {
  /** A judge that decides the same in fewer words; the look that ends the series is then asked of the other once more. */
  quick?: Judge;
  /** Is shown every look, with the state after it. */
  onLook?: (looked: Looked) => void;
}

/**
 * A series through the judge and the decision as they are in a rollout. Changes of exposure are carried out at once and
 * are seen at once, so that no interval is mixed; a series that records its changes has them as they were.
 */
export function beginReplay(written: Plan, judge: Judge, { quick = judge, onLook = () => {} }: ReplayOptions = {}): Replay {
  let state: State | undefined;
  let recorded = false;
  let looks = 0;
  let last: { before: State; found: VirtualLook; data: Looked["data"] } | undefined;

  return {
    take(event) {
      switch (event.kind) {
        case "begin": {
          recorded = event.recorded;
          const plan = recorded ? written : { ...written, flag: { ...written.flag, propagation: 0 } };
          state = beginVirtualRun(plan, event.at, recorded ? event.stage : -1);
          if (!recorded) state = moveVirtualRun(state, event.stage, event.at);
          return undefined;
        }
        case "stage":
          state = moveVirtualRun(state!, event.stage, event.at, event.from);
          return undefined;
        case "look":
          return look(state!, event.look);
        default:
          return event satisfies never;
      }
    },
    end: () => come("unfinished"),
  };

  function look(before: State, found: VirtualLook): Replayed | undefined {
    const looked = takeVirtualLook(before, found, quick);
    const { decision } = looked.data;
    looks++;
    last = { before, found, data: looked.data };
    onLook(looked);
    state = looked.state;
    switch (decision.kind) {
      case "hold":
        return undefined;
      case "advance":
        if (!recorded) state = moveVirtualRun(state, decision.stage, found.at);
        return undefined;
      case "pause":
        return come("paused");
      case "rollback":
        return come("rolledBack");
      case "complete":
        return come("complete");
      default:
        return decision satisfies never;
    }
  }

  function come(outcome: Replayed["outcome"]): Replayed {
    const told = last && (quick === judge ? last.data : takeVirtualLook(last.before, last.found, judge).data);
    const acted = outcome === "unfinished" ? undefined : told;
    return {
      outcome,
      at: last?.found.at,
      look: looks,
      stage: state?.plan.stages[state.stage]?.name,
      cause: acted && "cause" in acted.decision ? acted.decision.cause : undefined,
      verdict: acted && reasonOf(acted.decision, acted.verdicts, written),
      sentence: told?.decision.because.map(({ sentence }) => sentence).join("; ") ?? "there is no look in it",
    };
  }
}

/** The verdict that a rollback or a pause rests on: of several that broke, the first that does what was done. */
export function reasonOf(decision: Decision, verdicts: readonly Verdict[], { guardrails }: Plan): Verdict | undefined {
  if (!("cause" in decision)) return undefined;
  const broken = verdicts.filter(({ verdict }) => verdict === "breach");
  const does = (kind: string) =>
    broken.find(
      ({ guardrail: id, sharedIncident }) => !sharedIncident && guardrails.some((each) => each.id === id && each.onBreach === kind),
    );
  switch (decision.cause) {
    case "breach":
      return does(decision.kind) ?? broken[0];
    case "sharedIncident":
      return broken.find(({ sharedIncident }) => sharedIncident);
    default:
      return undefined;
  }
}
