import { describe, expect, test } from "vitest";
import { judgeAll, judgedMetrics, lookAt, missingBaselines, type Found } from "../../src/core/look.ts";
import type { GoalQuestion, GuardrailQuestion, Judge, SplitQuestion } from "../../src/model/judge.ts";
import { EVERYBODY, OFF } from "../../src/model/exposure.ts";
import type { Baseline } from "../../src/model/measurement.ts";
import type { Goal, Guardrail } from "../../src/model/plan.ts";
import {
  DAY,
  exposed,
  guardrail,
  HOUR,
  interval,
  known,
  measured,
  metric,
  MINUTE,
  of,
  plan,
  policy,
  progress,
  START,
  state,
  verdict,
} from "./builders.ts";

/** A judge that writes down what it was asked. */
function listening(): Judge & { guardrails: GuardrailQuestion[]; goals: GoalQuestion[]; splits: SplitQuestion[] } {
  const [guardrails, goals, splits]: [GuardrailQuestion[], GoalQuestion[], SplitQuestion[]] = [[], [], []];
  return {
    guardrails,
    goals,
    splits,
    version: "listening/1",
    guardrail(question) {
      guardrails.push(question);
      return { verdict: verdict("clear", question.guardrail.id), evidence: { alpha: question.alpha, of: question.guardrail.id } };
    },
    goal(question) {
      goals.push(question);
      return {
        verdict: { goal: question.goal.id, metric: question.goal.metric, verdict: "open", sentence: "" },
        evidence: { alpha: question.alpha },
      };
    },
    split(question) {
      splits.push(question);
      if (question.metricName === "silent") return undefined;
      return {
        check: { metric: question.metricName, of: question.of, status: "ok", sentence: "", evidence: 0, threshold: 7 },
        evidence: { alpha: 0.001 },
      };
    },
    understands: () => true,
  };
}

const goal: Goal = { id: "cart minIncrease 10%", metric: "cart", limit: { form: "maxIncrease", by: "ratio", amount: 0.1 } };
const past: Guardrail = guardrail({ id: "site", metric: "site", versus: { before: DAY } });
const visits = metric({ users: { counter: "users" } });
const before: Baseline = { from: 0, to: DAY, counts: { everyone: of(1, 2) } };
const found = (changes: Partial<Found> = {}): Found => ({
  at: START + HOUR,
  flag: known(exposed(1_000)),
  metrics: { errors: measured(interval(START + 10 * MINUTE, START + 20 * MINUTE, { treatment: of(1, 9), control: of(1, 9) })) },
  baselines: {},
  planDiffers: false,
  ...changes,
});

describe("what a judge is asked of a guardrail", () => {
  test("its metric, the stage, the exposure and what came before", () => {
    const judge = listening();
    judgeAll(state({ evidence: { errors: { alpha: 0.5, mine: true } } }), found(), judge);
    expect(judge.guardrails).toEqual([
      {
        guardrail: guardrail(),
        metric: metric(),
        stage: "canary",
        exposure: exposed(1_000),
        split: true,
        reading: found().metrics["errors"],
        bounds: undefined,
        evidence: { alpha: 0.5, mine: true },
        alpha: 0.05 * 0.9,
        baseline: undefined,
        bakeOver: true,
      },
    ]);
  });

  test("before the first stage and without a reading there is nothing of either", () => {
    const judge = listening();
    judgeAll(state({ stage: -1, exposure: OFF }), found({ metrics: {} }), judge);
    expect(judge.guardrails[0]).toMatchObject({ stage: "", split: false, reading: { status: "notYet" }, bakeOver: false });
    expect(judge.goals).toEqual([]);
  });

  test("whether the bake is over, by its own measured time and with this look", () => {
    const at = (baked: number) => {
      const judge = listening();
      judgeAll(state({ progress: { errors: progress({ baked }) }, bakeFrom: START }), found(), judge);
      return judge.guardrails[0]!.bakeOver;
    };
    expect([at(20 * MINUTE), at(20 * MINUTE - 1)]).toEqual([true, false]);
  });

  test("the bounds of a histogram: those that came with the reading, else those that are known", () => {
    const judge = listening();
    const standing = state({ metrics: { errors: { through: START, bounds: [1, 2] } } });
    judgeAll(standing, found(), judge);
    judgeAll(standing, found({ metrics: { errors: { ...measured(), bounds: [3] } as never } }), judge);
    expect(judge.guardrails.map(({ bounds }) => bounds)).toEqual([[1, 2], [3]]);
  });

  test("what its metric was before the run: once known, or as it was found now, or why not", () => {
    const compared = plan({ guardrails: [past], metrics: { site: metric({ grouped: false }) } });
    const ask = (baselines: Found["baselines"], known: Record<string, Baseline> = {}) => {
      const judge = listening();
      judgeAll(state({ plan: compared, baselines: known }), found({ baselines }), judge);
      return judge.guardrails[0]!.baseline;
    };
    const key = `site ${DAY}`;
    expect(ask({})).toBeUndefined();
    expect(ask({ [key]: "timeout" })).toBe("timeout");
    expect(ask({ [key]: before })).toBe(before);
    expect(ask({ [key]: "timeout" }, { [key]: before })).toBe(before);
  });
});

describe("goals", () => {
  const hoped = plan({ goals: [goal], metrics: { errors: metric(), cart: metric() } });
  test("are judged at every stage, by evidence of their own and outside of the budget", () => {
    const judge = listening();
    const judged = judgeAll(state({ plan: hoped, evidence: { "goal: cart minIncrease 10%": { alpha: 0.05, mine: 1 } } }), found(), judge);
    expect(judge.goals).toMatchObject([{ goal, alpha: 0.05, stage: "canary", evidence: { mine: 1 }, reading: { status: "notYet" } }]);
    expect(judged.goals).toHaveLength(1);
    expect(Object.keys(judged.evidence)).toEqual(["errors", "goal: cart minIncrease 10%"]);
  });

  test("are measured like what guards", () => expect(judgedMetrics(hoped)).toEqual(["cart", "errors"]));
});

describe("the split", () => {
  const counted = (sampleRatio: "users" | "requests" | "off", metrics = { errors: metric(), visits }) =>
    plan({ ...policy({ sampleRatio }), metrics, guardrails: [guardrail({ id: "visits", metric: "visits" }), guardrail()] });
  const both = { metrics: { errors: measured(), visits: measured() } };
  const asked = (changes: Parameters<typeof state>[0]) => {
    const judge = listening();
    judgeAll(state(changes), found(both), judge);
    return judge.splits.map(({ metricName, of, treatment }) => [metricName, of, treatment]);
  };

  test("is checked by every metric that counts users, by the requests of one rate, or not at all", () => {
    expect(asked({ plan: counted("users") })).toEqual([["visits", "users", 1_000]]);
    expect(asked({ plan: counted("requests") })).toEqual([["errors", "requests", 1_000]]);
    expect(asked({ plan: counted("off") })).toEqual([]);
  });

  test("is not checked by what nothing judges, what has no groups or is not read", () => {
    expect(asked({ plan: plan({ ...policy({ sampleRatio: "users" }), metrics: { errors: metric(), visits } }) })).toEqual([]);
    expect(asked({ plan: counted("users", { errors: metric(), visits: { ...visits, grouped: false } }) })).toEqual([]);
    const judge = listening();
    judgeAll(state({ plan: counted("users") }), found(), judge);
    expect(judge.splits).toEqual([]);
  });

  test.each([
    ["a share of everybody", exposed(25_000), 0, [25_000]],
    ["nobody by chance", exposed(0, { staff: EVERYBODY }), 0, []],
    ["whole segments beside a share", exposed(25_000, { staff: EVERYBODY }), 0, [25_000]],
    ["a part of a segment, of which nobody knows how many are in it", exposed(5_000, { europe: 20_000 }), 0, []],
    ["a part of a segment that everybody has as well", exposed(25_000, { europe: 20_000 }), 0, [25_000]],
    ["everybody", exposed(EVERYBODY), 0, []],
    ["everybody but the holdout", exposed(EVERYBODY), 5_000, [95_000]],
  ])("of %s", (_, exposure, holdout, expected) => {
    const given = { ...counted("users"), audience: { ...plan().audience, holdout } };
    expect(asked({ plan: given, exposure }).map(([, , treatment]) => treatment)).toEqual(expected);
  });

  test("keeps its evidence, and says nothing where nothing was counted", () => {
    const judge = listening();
    const silent = counted("users", { errors: metric(), visits } as never);
    const judged = judgeAll(state({ plan: silent, evidence: { "split: visits": { alpha: 0.001, mine: 1 } } }), found(both), judge);
    expect(judge.splits[0]!.evidence).toEqual({ alpha: 0.001, mine: 1 });
    expect(judged.evidence["split: visits"]).toEqual({ alpha: 0.001 });
    const quiet = plan({ guardrails: [guardrail({ metric: "silent" })], metrics: { silent: visits } });
    const none = judgeAll(state({ plan: quiet }), found({ metrics: { silent: measured() } }), judge);
    expect([none.splitChecks, Object.keys(none.evidence)]).toEqual([[], ["errors"]]);
  });
});

test("a look holds what was found, what was judged and what was decided", () => {
  const judge = listening();
  const key = `site ${DAY}`;
  const data = lookAt(state(), found({ baselines: { [key]: before, other: "why" } }), judge);
  expect(data).toMatchObject({
    judge: "listening/1",
    flag: known(exposed(1_000)),
    metrics: found().metrics,
    verdicts: [verdict("clear")],
    evidence: { errors: { of: "errors" } },
    goals: [],
    splitChecks: [],
    baselines: { [key]: before, other: "why" },
    planDiffers: false,
    decision: { kind: "advance", stage: 1 },
  });
});

test("baselines are asked for once each, as long as they are not known", () => {
  const twice = plan({
    guardrails: [past, { ...past, id: "again" }, { ...past, id: "hour", versus: { before: HOUR } }, guardrail()],
    metrics: { errors: metric(), site: metric() },
  });
  const [day, hour] = [`site ${DAY}`, `site ${HOUR}`];
  expect(missingBaselines(state({ plan: twice })).map(({ key }) => key)).toEqual([day, hour]);
  expect(missingBaselines(state({ plan: twice, baselines: { [day]: before } }))).toEqual([{ key: hour, metric: "site", before: HOUR }]);
});
