import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { acceptable, changedGuardrails, differInWordsOnly, planChanges } from "../../src/core/planChange.ts";
import { EVERYBODY } from "../../src/model/exposure.ts";
import type { Plan } from "../../src/model/plan.ts";
import { exposed, guardrail, HOUR, metric, plan, policy, stage } from "./builders.ts";

const audience = (changes: Partial<Plan["audience"]>): Plan => plan({ audience: { ...plan().audience, ...changes } });
const flag = (changes: Partial<Plan["flag"]>): Plan => plan({ flag: { ...plan().flag, ...changes } });
const rule = { attribute: "plan", equals: "pro" };

describe("what has changed", () => {
  test.each<[string, Plan, string[], boolean]>([
    ["nothing", plan(), [], true],
    ["an owner", plan({ owner: "growth" }), ["owner"], true],
    ["all words", plan({ owner: "growth", hypothesis: "more", risks: ["less"] }), ["hypothesis", "owner", "risks"], true],
    ["whom to tell of each look", plan({ heartbeat: "${env:HEARTBEAT_URL}" }), ["heartbeat"], true],
    ["a part of the policy", policy({ onInconclusive: "hold", poll: 1 }), ["policy.onInconclusive", "policy.poll"], false],
    ["words and a stage", plan({ owner: "growth", stages: plan().stages.slice(1) }), ["owner", "stages"], false],
    ["a metric", plan({ metrics: { orders: metric() } }), ["metrics.errors", "metrics.orders"], false],
    ["the flag's deadline", flag({ writeWithin: 1 }), ["flag.writeWithin"], false],
    // Else whoever edits a plan file could switch signing off without anybody's accepting it.
    ["the key that signs", plan({ ledger: { signingKey: "${env:KEY}" } }), ["ledger"], false],
    ["who is counted", audience({ units: 7, eligible: rule }), ["audience.eligible", "audience.units"], false],
  ])("%s", (_, after, paths, words) => {
    expect(planChanges(plan(), after)).toEqual(paths);
    expect(planChanges(after, plan())).toEqual(paths);
    expect(differInWordsOnly(plan(), after)).toBe(words);
  });

  test("the order of keys is no change; the order of stages is one", () => {
    const two = plan({ metrics: { a: metric(), b: metric() } });
    expect(planChanges(two, plan({ metrics: { b: metric(), a: metric() } }))).toEqual([]);
    expect(planChanges(plan(), plan({ stages: plan().stages.toReversed() }))).toEqual(["stages"]);
  });

  test("another key that signs is no change of words, and no evidence is lost over it", () => {
    const [old, fresh] = ["${env:OLD}", "${env:NEW}"].map((signingKey) => plan({ ledger: { signingKey } }));
    expect(planChanges(old!, fresh!)).toEqual(["ledger.signingKey"]);
    expect(differInWordsOnly(old!, fresh!)).toBe(false);
    expect(changedGuardrails(old!, fresh!)).toEqual([]);
    expect(acceptable(old!, fresh!, 1)).toEqual({ stage: 1 });
  });

  test("a key that goes is a change", () => {
    const { owner: _, ...without } = plan({ owner: "growth" });
    expect(planChanges(plan({ owner: "growth" }), without)).toEqual(["owner"]);
  });
});

describe("whose evidence cannot be carried over", () => {
  const two = plan({
    metrics: { errors: metric(), orders: metric({ source: "shop" }) },
    guardrails: [guardrail(), guardrail({ id: "orders", metric: "orders" })],
  });
  test.each<[string, Partial<Plan>, string[]]>([
    ["nobody's", { owner: "growth", stages: plan().stages.slice(1), policy: policy({ onInconclusive: "hold" }).policy }, []],
    ["all of it, where another chance of a false alarm was agreed", policy({ falseRollback: 0.01 }), ["errors", "orders"]],
    ["that of a guardrail that is gone", { guardrails: [guardrail()] }, ["orders"]],
    ["that of a new one", { guardrails: [...two.guardrails, guardrail({ id: "slow" })] }, ["slow"]],
    ["that of another number", { metrics: { ...two.metrics, errors: metric({ events: { counter: "other" } }) } }, ["errors"]],
    ["that of a number from elsewhere", { sources: { prod: { type: "prometheus", url: "http://other" } } }, ["errors"]],
    ["not where another source alone has changed", { sources: { ...two.sources, unused: { type: "prometheus" } } }, []],
    ["not where only its answer is another", { guardrails: [guardrail({ onBreach: "pause" }), two.guardrails[1]!] }, []],
  ])("%s", (_, changes, expected) => expect(changedGuardrails(two, { ...two, ...changes })).toEqual(expected));
});

describe("a plan for a run that goes on", () => {
  test.each<[string, Plan, number, number]>([
    ["may be the same", plan(), 1, 1],
    ["may have other stages to come", plan({ stages: [...plan().stages.slice(0, 2), stage("most", exposed(90_000), HOUR)] }), 1, 1],
    [
      "may have a stage more before the present one, which is found by its name",
      plan({ stages: [stage("dark", exposed(0), 0), ...plan().stages] }),
      1,
      2,
    ],
    ["may bake for longer where it stands", plan({ stages: [stage("canary", exposed(1_000), 9 * HOUR), ...plan().stages.slice(1)] }), 0, 0],
    [
      "may name the same users otherwise",
      plan({ stages: [stage("canary", exposed(1_000, { staff: 500 }), HOUR), ...plan().stages.slice(1)] }),
      0,
      0,
    ],
    ["may be any other before the first stage", plan({ stages: [stage("all", exposed(EVERYBODY), 0)] }), -1, -1],
    ["may count its users anew", audience({ units: 9, traffic: 5 }), 0, 0],
    ["may have another deadline", flag({ writeWithin: 9, propagation: 9 }), 0, 0],
  ])("%s", (_, after, present, expected) => expect(acceptable(plan(), after, present)).toEqual({ stage: expected }));

  test.each<[string, Plan, RegExp]>([
    ["another name", plan({ rollout: "cart" }), /the rollout's name is part of its ledger \(checkout\)/],
    ["another backend", flag({ backend: { type: "launchdarkly" } }), /flag\.backend/],
    ["another flag", flag({ key: "cart" }), /flag\.key/],
    ["another treatment", flag({ treatment: "new" }), /flag\.treatment/],
    ["another control", flag({ control: "old" }), /flag\.control/],
    ["another unit", flag({ unit: { attribute: "tenant" } }), /flag\.unit decides who is in which group/],
    ["other eligible users", audience({ eligible: rule }), /audience\.eligible/],
    ["others excluded", audience({ exclude: ["frozen"] }), /audience\.exclude/],
    ["other testers", audience({ testers: ["qa"] }), /audience\.testers/],
    ["another holdout", audience({ holdout: 5_000 }), /audience\.holdout/],
    ["another rule of a segment", audience({ segments: { staff: { rule } } }), /audience\.segments/],
    ["the present stage gone", plan({ stages: plan().stages.slice(1) }), /the present stage "canary" is not in the new plan/],
    [
      "the present stage for others",
      plan({ stages: [stage("canary", exposed(2_000), HOUR)] }),
      /"canary" would expose others than it does/,
    ],
  ])("is refused: %s", (_, after, reason) => {
    const answer = acceptable(plan(), after, 0);
    expect("refusals" in answer && answer.refusals).toEqual([expect.stringMatching(reason)]);
  });

  test("all that is wrong is said at once", () => {
    const answer = acceptable(
      plan(),
      { ...plan({ rollout: "cart", stages: plan().stages.slice(1) }), flag: flag({ key: "cart" }).flag },
      0,
    );
    expect("refusals" in answer && answer.refusals).toHaveLength(3);
  });

  test("a segment may be counted anew, not drawn anew", () => {
    const before = audience({ segments: { staff: { rule, units: 5 } } });
    expect(acceptable(before, audience({ segments: { staff: { rule, units: 7 } } }), 0)).toEqual({ stage: 0 });
    expect(acceptable(before, audience({ segments: { staff: { rule: { not: rule }, units: 5 } } }), 0)).toHaveProperty("refusals");
  });

  test("words alone are never refused", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.array(fc.string()), fc.integer({ min: -1, max: 2 }), (owner, hypothesis, risks, present) => {
        const after = plan({ owner, hypothesis, risks });
        expect(differInWordsOnly(plan(), after)).toBe(true);
        expect(acceptable(plan(), after, present)).toEqual({ stage: present });
        expect(changedGuardrails(plan(), after)).toEqual([]);
      }),
    );
  });
});

test.each([
  ["proof", { proof: "strict" as const }],
  ["failures", { failures: { count: 2, of: 3 } }],
])("another %s is another test: its evidence begins anew", (_, changes) => {
  const after = plan({ guardrails: [guardrail(changes)] });
  expect(changedGuardrails(plan(), after)).toEqual(["errors"]);
  expect(changedGuardrails(after, after)).toEqual([]);
});
