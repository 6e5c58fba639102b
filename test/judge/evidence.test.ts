import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Evidence } from "../../src/model/verdict.ts";
import { evidenceSchema, verdictSchema } from "../../src/model/verdict.ts";
import { groups, guardrail, limits, look, measurement, of, reading, type LimitName } from "./builders.ts";

const names = Object.keys(limits) as LimitName[];
const upTo = (most: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: most }), fc.double({ min: 0, max: 1, noNaN: true }))
    .map(([total, share]) => of(Math.round(total * share), total));
const measurements = (most: number) =>
  fc.record({ treatment: upTo(most), control: upTo(most), mixed: fc.boolean() }).map(({ mixed, ...counts }) => measurement(counts, mixed));
const aLimit = fc.constantFrom(...names);

describe("evidence", () => {
  test("is a fold: to stop after any look and go on from JSON, or to read several intervals at once, is the same", () => {
    fc.assert(
      fc.property(aLimit, fc.array(measurements(1000), { minLength: 2, maxLength: 6 }), (name, intervals) => {
        const rail = guardrail(limits[name]);
        let through: Evidence | undefined;
        let resumed: Evidence | undefined;
        for (const one of intervals) {
          through = judge(look({ guardrail: rail, reading: reading(one), evidence: through })).evidence;
          resumed = judge(
            look({
              guardrail: rail,
              reading: reading(one),
              evidence: resumed && evidenceSchema.parse(JSON.parse(JSON.stringify(resumed))),
            }),
          ).evidence;
        }
        expect(JSON.stringify(resumed)).toBe(JSON.stringify(through));
        fc.pre(intervals.every(({ counts }) => counts.treatment!.total > 0 && counts.control!.total > 0));
        expect(judge(look({ guardrail: rail, reading: reading(...intervals) })).evidence).toEqual(through);
      }),
    );
  });

  test("no counts up to a thousand million make a number that JSON or the ledger does not take", () => {
    fc.assert(
      fc.property(aLimit, fc.array(measurements(1e9), { minLength: 1, maxLength: 4 }), (name, intervals) => {
        let evidence: Evidence | undefined;
        for (const one of intervals) {
          const judged = judge(look({ guardrail: guardrail(limits[name]), reading: reading(one), evidence }));
          expect(verdictSchema.parse(JSON.parse(JSON.stringify(judged.verdict)))).toEqual(judged.verdict);
          expect(evidenceSchema.parse(JSON.parse(JSON.stringify(judged.evidence)))).toEqual(judged.evidence);
          expect(judged.verdict.sentence).not.toMatch(/NaN|Infinity|undefined|e[+-]\d/);
          evidence = judged.evidence;
        }
      }),
      { numRuns: 300 },
    );
  });

  test("of a decrease is that of an increase with the groups swapped and the inverse margin", () => {
    fc.assert(
      fc.property(upTo(5000), upTo(5000), (one, other) => {
        fc.pre(one.total > 0 && other.total > 0);
        const fall = judge(look({ guardrail: guardrail({ form: "maxDecrease", by: "ratio", amount: 0.2 }), reading: groups(one, other) }));
        const rise = judge(look({ guardrail: guardrail({ form: "maxIncrease", by: "ratio", amount: 0.25 }), reading: groups(other, one) }));
        expect(fall.verdict.evidence).toBeCloseTo(rise.verdict.evidence!, 6);
        const fewer = judge(look({ guardrail: guardrail(limits.fewerPoints), reading: groups(one, other) }));
        const more = judge(look({ guardrail: guardrail(limits.morePoints), reading: groups(other, one) }));
        expect(fewer.verdict.evidence).toBe(more.verdict.evidence);
      }),
    );
  });

  test("of a minimum is that of a maximum on the requests that were no events", () => {
    fc.assert(
      fc.property(upTo(5000), (counts) => {
        fc.pre(counts.total > 0);
        const least = judge(look({ guardrail: guardrail({ form: "min", rate: 0.75 }), reading: groups(counts, of(0, 1)) }));
        const most = judge(
          look({
            guardrail: guardrail({ form: "max", rate: 0.25 }),
            reading: groups(of(counts.total - counts.events, counts.total), of(0, 1)),
          }),
        );
        expect(least.verdict.evidence).toBe(most.verdict.evidence);
      }),
    );
  });

  test("only grows with each treated event that should not be", () => {
    fc.assert(
      fc.property(fc.constantFrom("max", "increase"), upTo(2000), upTo(2000), (name, treatment, control) => {
        fc.pre(treatment.events < treatment.total && control.total > 0);
        const at = (events: number) =>
          judge(look({ guardrail: guardrail(limits[name]), reading: groups(of(events, treatment.total), control) })).verdict.evidence!;
        expect(at(treatment.events + 1)).toBeGreaterThanOrEqual(at(treatment.events) - 1e-8);
      }),
    );
  });

  test("carries over to the next stage, whose estimate begins anew", () => {
    const first = judge(look({ stage: "1%", reading: groups(of(12, 1000), of(50, 10_000)) }));
    const next = judge(look({ stage: "5%", reading: { status: "notYet" }, evidence: first.evidence }));
    expect(next.verdict.evidence).toBe(first.verdict.evidence);
    expect(next.verdict.estimate).toBeUndefined();
    expect(next.verdict.sentence).toMatch(/^nothing was measured of errors in this stage yet \(limit 1.2x\); evidence of harm \d/);
    const later = judge(look({ stage: "5%", reading: groups(of(30, 5000), of(50, 10_000)), evidence: next.evidence }));
    expect(later.verdict.estimate).toBeCloseTo(1.2, 9);
  });

  test("keeps the α that it began with", () => {
    const { evidence } = judge(look({ alpha: 0.02 }));
    const next = judge(look({ alpha: 0.5, evidence }));
    expect(next.evidence.alpha).toBe(0.02);
    expect(next.verdict.threshold).toBeCloseTo(Math.log(50), 9);
  });

  test("is small", () => {
    for (const name of names) {
      const { evidence } = judge(look({ guardrail: guardrail(limits[name]), reading: groups(of(1234, 987_654), of(54_321, 98_765_432)) }));
      expect(JSON.stringify(evidence).length).toBeLessThan(900);
    }
  });

  test("that is none of this test's, or was tampered with, is not gone on from: it begins anew", () => {
    const fresh = judge(look({})).evidence;
    const good = JSON.parse(JSON.stringify(fresh)) as Record<string, unknown>;
    const others: unknown[] = [
      { alpha: 0.02 },
      { ...good, alpha: 0.02, more: 1 },
      { ...good, alpha: 0.02, test: "limit" },
      { ...good, alpha: 0.02, harm: { rest: 0.5, logs: [1, 2] } },
      { ...good, alpha: 0.02, harm: { rest: 0.5, logs: Array(8).fill(null) } },
      { ...good, alpha: 0.02, within: { rest: 2, logs: Array(8).fill(0) } },
      { ...good, alpha: 0.02, sums: { treatment: of(5, 1), control: of(0, 0) } },
      { ...good, alpha: 0.02, sums: { treatment: of(-5, 1), control: of(0, 0) } },
      judge(look({ guardrail: guardrail(limits.max), alpha: 0.02 })).evidence,
    ];
    for (const other of others) expect(judge(look({ evidence: other as Evidence })).evidence).toEqual(fresh);
  });
});
