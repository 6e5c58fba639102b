import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { Evidence } from "../../src/model/verdict.ts";
import { evidenceSchema, verdictSchema } from "../../src/model/verdict.ts";
import { sizeOf } from "../../src/judge/values.ts";
import { groups, guardrail, limits, look, measurement, metric, minutes, of, reading, spread, type LimitName } from "./builders.ts";

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
        let broken = false;
        let resumed: Evidence | undefined;
        for (const one of intervals) {
          const judged = judge.guardrail(look({ guardrail: rail, reading: reading(one), evidence: through }));
          through = judged.evidence;
          broken ||= judged.verdict.verdict === "breach";
          resumed = judge.guardrail(
            look({
              guardrail: rail,
              reading: reading(one),
              evidence: resumed && evidenceSchema.parse(JSON.parse(JSON.stringify(resumed))),
            }),
          ).evidence;
        }
        expect(JSON.stringify(resumed)).toBe(JSON.stringify(through));
        // Whether an incident is shared is asked at the look at which the limit breaks.
        fc.pre(!broken && intervals.every(({ counts }) => sizeOf(counts.treatment) > 0 && sizeOf(counts.control) > 0));
        expect(judge.guardrail(look({ guardrail: rail, reading: reading(...intervals) })).evidence).toEqual(through);
      }),
    );
  });

  test("no counts up to a thousand million make a number that JSON or the ledger does not take", () => {
    fc.assert(
      fc.property(aLimit, fc.array(measurements(1e9), { minLength: 1, maxLength: 4 }), (name, intervals) => {
        let evidence: Evidence | undefined;
        for (const one of intervals) {
          const judged = judge.guardrail(look({ guardrail: guardrail(limits[name]), reading: reading(one), evidence }));
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
        const fall = judge.guardrail(
          look({ guardrail: guardrail({ form: "maxDecrease", by: "ratio", amount: 0.2 }), reading: groups(one, other) }),
        );
        const rise = judge.guardrail(
          look({ guardrail: guardrail({ form: "maxIncrease", by: "ratio", amount: 0.25 }), reading: groups(other, one) }),
        );
        expect(fall.verdict.evidence).toBeCloseTo(rise.verdict.evidence!, 6);
        const fewer = judge.guardrail(look({ guardrail: guardrail(limits.fewerPoints), reading: groups(one, other) }));
        const more = judge.guardrail(look({ guardrail: guardrail(limits.morePoints), reading: groups(other, one) }));
        expect(fewer.verdict.evidence).toBe(more.verdict.evidence);
      }),
    );
  });

  test("of a minimum is that of a maximum on the requests that were no events", () => {
    fc.assert(
      fc.property(upTo(5000), (counts) => {
        fc.pre(counts.total > 0);
        const least = judge.guardrail(look({ guardrail: guardrail({ form: "min", rate: 0.75 }), reading: groups(counts, of(0, 1)) }));
        const most = judge.guardrail(
          look({
            guardrail: guardrail({ form: "max", rate: 0.25 }),
            reading: groups(of(counts.total - counts.events, counts.total), of(0, 1)),
          }),
        );
        expect(least.verdict.evidence).toBe(most.verdict.evidence);
      }),
    );
  });

  test("of harm is never more for those who do as well as they may than for those who do ten times worse", () => {
    fc.assert(
      fc.property(
        fc.constantFrom("max", "increase"),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 100, max: 5000 }),
        (name, looks, total) => {
          const at = (times: number) => {
            const each = { treatment: of(Math.round(total * 0.01 * times), total), control: of(Math.round(total * 0.01), total) };
            return judge.guardrail(look({ guardrail: guardrail(limits[name]), reading: minutes(looks, each) })).verdict.evidence!;
          };
          expect(at(10)).toBeGreaterThan(at(1));
        },
      ),
    );
  });

  test("carries over to the next stage, whose estimate begins anew", () => {
    const first = judge.guardrail(look({ stage: "1%", reading: groups(of(12, 1000), of(50, 10_000)) }));
    const next = judge.guardrail(look({ stage: "5%", reading: { status: "notYet" }, evidence: first.evidence }));
    expect(next.verdict.evidence).toBe(first.verdict.evidence);
    expect(next.verdict.estimate).toBeUndefined();
    expect(next.verdict.sentence).toMatch(/^nothing was measured of errors in this stage yet \(limit 1.2x\); evidence of harm \d/);
    const later = judge.guardrail(look({ stage: "5%", reading: groups(of(30, 5000), of(50, 10_000)), evidence: next.evidence }));
    expect(later.verdict.estimate).toBeCloseTo(1.2, 9);
  });

  test("keeps the α that it began with", () => {
    const { evidence } = judge.guardrail(look({ alpha: 0.02 }));
    const next = judge.guardrail(look({ alpha: 0.5, evidence }));
    expect(next.evidence.alpha).toBe(0.02);
    expect(next.verdict.threshold).toBeCloseTo(Math.log(50), 9);
  });

  test("is small", () => {
    for (const name of names) {
      const reading = groups(of(1234, 987_654), of(54_321, 98_765_432));
      const { evidence } = judge.guardrail(look({ guardrail: guardrail(limits[name]), reading }));
      expect(JSON.stringify(evidence).length).toBeLessThan(6000);
    }
  });

  test("that is none of this method's, or was tampered with, is not gone on from: it begins anew", () => {
    const fresh = judge.guardrail(look({})).evidence;
    const good = JSON.parse(JSON.stringify(fresh)) as Record<string, unknown> & { memory: { mixture: object; history: object } };
    const { logE: _, ...silent } = good;
    const others: unknown[] = [
      { alpha: 0.02 },
      { ...good, alpha: 0.02, more: 1 },
      { ...silent, alpha: 0.02, method: "trend" },
      { ...silent, alpha: 0.02, memory: {} },
      { ...silent, alpha: 0.02, memory: { ...good.memory, more: 1 } },
      { ...silent, alpha: 0.02, memory: { mixture: good.memory.mixture } },
      { ...silent, alpha: 0.02, memory: { ...good.memory, mixture: { ...good.memory.mixture, looks: null } } },
      { ...silent, alpha: 0.02, memory: { ...good.memory, history: { ...good.memory.history, fit: [1, 2] } } },
      { ...good, alpha: 0.02, sums: { treatment: of(5, 1), control: of(0, 0) } },
      { ...good, alpha: 0.02, sums: { treatment: of(-5, 1), control: of(0, 0) } },
      { ...good, alpha: 0.02, looks: -1 },
      { ...good, alpha: 2 },
    ];
    for (const other of others) expect(judge.guardrail(look({ evidence: other as Evidence })).evidence).toEqual(fresh);
  });

  test("of another method for the same limit carries its e-value over, and its α; without an e-value nothing does", () => {
    const first = judge.guardrail(look({ alpha: 0.02, reading: spread(4, of(60, 2000), of(50, 10_000)) }));
    const older = { ...first.evidence, method: "of old", memory: { anything: true } } as Evidence;
    const next = judge.guardrail(look({ evidence: older, reading: { status: "notYet" } }));
    expect(next.verdict.evidence).toBeCloseTo(first.verdict.evidence!, 6);
    expect(next.verdict.within).toBeCloseTo(first.verdict.within!, 6);
    expect(next.evidence.alpha).toBe(0.02);
    expect(next.verdict.verdict).toBe("breach");
    const more = { reading: spread(4, of(60, 2000), of(50, 10_000)) };
    const grown = judge.guardrail(look({ evidence: next.evidence, ...more })).verdict.evidence!;
    const alone = judge.guardrail(look(more)).verdict.evidence!;
    expect(grown).toBeCloseTo(alone + first.verdict.evidence!, 5);

    const rises = { metric: metric({ kind: "gauge" }), guardrail: guardrail({ form: "maxTrend", perHour: 5 }) };
    expect(judge.guardrail(look({ ...rises, evidence: older, reading: { status: "notYet" } })).evidence.alpha).toBe(0.009);
  });

  test("is understood by the version that wrote it, and by one with another method as far as it is an e-value", () => {
    const { evidence } = judge.guardrail(look({}));
    const asked = { guardrail: guardrail(limits.increase), metric: metric() };
    expect(judge.understands({ ...asked, evidence })).toBe(true);
    expect(judge.understands({ ...asked, evidence: { ...evidence, method: "of old" } as Evidence })).toBe(true);
    const { logE: _, ...silent } = evidence as Evidence & { logE: object };
    expect(judge.understands({ ...asked, evidence: silent as Evidence })).toBe(true);
    expect(judge.understands({ ...asked, evidence: { ...silent, method: "of old" } as Evidence })).toBe(false);
    expect(judge.understands({ ...asked, evidence: { alpha: 0.02 } })).toBe(false);
    expect(judge.understands({ ...asked, evidence: undefined })).toBe(false);
    const trend = { metric: metric({ kind: "gauge" }), guardrail: guardrail({ form: "maxTrend", perHour: 5 }) };
    expect(judge.understands({ ...trend, evidence })).toBe(false);
    // Which method a histogram calls for shows when its buckets are known.
    const slow = { metric: metric({ kind: "histogram" }), guardrail: guardrail(limits.increase) };
    expect(judge.understands({ ...slow, evidence })).toBe(true);
  });
});
