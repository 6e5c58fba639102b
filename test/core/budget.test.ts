import fc from "fast-check";
import { expect, test } from "vitest";
import { alphaOf } from "../../src/core/budget.ts";
import { changedGuardrails } from "../../src/core/planChange.ts";
import type { Guardrail } from "../../src/model/plan.ts";
import { applied, guardrail, intent, look, metric, onCanary, plan, planChanged, resumed, START, type Story } from "./builders.ts";

const sum = (numbers: number[]) => numbers.reduce((total, each) => total + each, 0);
const named = (...ids: string[]): Guardrail[] => ids.map((id) => guardrail({ id }));

test("nine tenths are the first plan's, shared evenly over its guardrails", () => {
  const three = plan({ guardrails: named("a", "b", "c") });
  for (const each of three.guardrails) expect(alphaOf(three, each, 0)).toBeCloseTo(0.015, 12);
});

test("each change gets half of what is left", () => {
  const one = plan();
  expect([1, 2, 3].map((budgets) => alphaOf(one, guardrail(), budgets))).toEqual(
    [0.0025, 0.00125, 0.000625].map((each) => expect.closeTo(each, 12)),
  );
});

test("over all guardrails and any number of changes the chances never add up to more than the plan allows", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 1e-6, max: 0.999, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 100 }),
      (falseRollback, sizes) => {
        const alphas = sizes.map((size, budgets) => {
          const guardrails = Array.from({ length: size }, (_, index) => guardrail({ id: `g${index}` }));
          const changed = plan({ guardrails, policy: { ...plan().policy, falseRollback } });
          return sum(guardrails.map((each) => alphaOf(changed, each, budgets)));
        });
        expect(alphas.every((alpha) => alpha > 0)).toBe(true);
        expect(sum(alphas)).toBeLessThanOrEqual(falseRollback * (1 + 1e-12));
      },
    ),
  );
});

test("metrics without groups lie outside of the budget: they take nothing from it", () => {
  const mixed = plan({
    metrics: { errors: metric(), site: metric({ grouped: false }) },
    guardrails: [guardrail(), guardrail({ id: "site", metric: "site", limit: { form: "max", rate: 0.01 }, onBreach: "pause" })],
  });
  expect(alphaOf(mixed, mixed.guardrails[0]!, 0)).toBeCloseTo(0.045, 12);
  expect(alphaOf(mixed, mixed.guardrails[1]!, 0)).toBe(0.05);
  expect(alphaOf(mixed, mixed.guardrails[1]!, 7)).toBe(0.05);
});

/** What a person may do that begins evidence anew, and a look, which opens the evidence of some guardrails. */
type Step = { kind: "look"; sees: string[] } | { kind: "plan"; ids: string[] } | { kind: "despiteBreach"; broke: string[] };
const ids = ["a", "b", "c", "d"];
const anyStep = (): fc.Arbitrary<Step> =>
  fc.oneof(
    fc.record({ kind: fc.constant("look" as const), sees: fc.subarray(ids) }),
    fc.record({ kind: fc.constant("plan" as const), ids: fc.subarray(ids, { minLength: 1 }) }),
    fc.record({ kind: fc.constant("despiteBreach" as const), broke: fc.subarray(ids, { minLength: 1 }) }),
  );

test("a run as it is told spends no more than its plan allows, whenever the evidence of a guardrail begins", () => {
  fc.assert(
    fc.property(fc.array(anyStep(), { maxLength: 30 }), (steps) => {
      let told: Story = onCanary({ plan: plan({ guardrails: named("a", "b") }) });
      let spent = 0;
      for (const step of steps) {
        const { plan: present, budgets, evidence } = told.state;
        switch (step.kind) {
          case "look": {
            const begins = present.guardrails.filter(({ id }) => step.sees.includes(id) && evidence[id] === undefined);
            const begun = Object.fromEntries(begins.map((each) => [each.id, { alpha: alphaOf(present, each, budgets) }]));
            spent += sum(Object.values(begun).map(({ alpha }) => alpha));
            told = told.tell(START, look({ evidence: begun }));
            break;
          }
          case "plan": {
            const next = plan({ guardrails: named(...step.ids) });
            const renewed = changedGuardrails(present, next);
            told = told.tell(START, planChanged(next, "person"));
            for (const id of renewed) expect(told.state.evidence[id]).toBeUndefined();
            expect(told.state.budgets).toBe(budgets + (renewed.length > 0 ? 1 : 0));
            break;
          }
          case "despiteBreach": {
            const broke = step.broke.filter((id) => present.guardrails.some((each) => each.id === id));
            if (broke.length === 0) break;
            const verdicts = broke.map((id) => ({ guardrail: id, metric: "errors", verdict: "breach" as const, sentence: "" }));
            told = told.tell(START, look({ verdicts })).tell(START, resumed({ despiteBreach: true, reason: "known" }));
            for (const id of broke) expect(told.state.evidence[id]).toBeUndefined();
            expect(told.state.budgets).toBe(budgets + 1);
            break;
          }
        }
      }
      expect(spent).toBeLessThanOrEqual(0.05 * (1 + 1e-12));
    }),
  );
});

test("a change of exposure leaves evidence and budget alone", () => {
  const told = onCanary().tell(START, look({ evidence: { errors: { alpha: 0.045 } } }));
  const next = told.tell(START, intent(START, { stage: 1 })).tell(START, applied(told.seq));
  expect([next.state.budgets, next.state.evidence]).toEqual([0, { errors: { alpha: 0.045 } }]);
});

test("what cannot tell an incident from harm has the whole chance for itself, and takes none of the others'", () => {
  const gauge = { ...metric(), kind: "gauge", value: {} } as never;
  const mixed = plan({
    metrics: { errors: metric(), site: metric({ grouped: false }), heap: gauge },
    guardrails: [
      guardrail(),
      guardrail({ id: "site", metric: "site" }),
      guardrail({ id: "heap", metric: "heap" }),
      guardrail({ id: "past", versus: { before: 1 } }),
      guardrail({ id: "gone", metric: "gone" }),
    ],
  });
  expect(mixed.guardrails.map((each) => alphaOf(mixed, each, 0))).toEqual([0.05 * 0.9, 0.05, 0.05, 0.05, 0.05]);
});
