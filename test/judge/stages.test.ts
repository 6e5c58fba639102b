import { describe, expect, test } from "vitest";
import { judge } from "../../src/judge/judge.ts";
import type { GuardrailQuestion } from "../../src/model/judge.ts";
import type { Value } from "../../src/model/measurement.ts";
import type { Guardrail, Limit } from "../../src/model/plan.ts";
import type { Verdict } from "../../src/model/verdict.ts";
import { exposed, guardrail, limits, look, measurement, metric, minutes, MINUTE, of, reading, verdictsOf } from "./builders.ts";

/** Each method, with a minute that is a little worse with the feature, and one that is far worse. */
interface Tried {
  readonly name: string;
  readonly common: Partial<GuardrailQuestion>;
  readonly near: readonly [treatment: Value, control: Value];
  readonly far: readonly [treatment: Value, control: Value];
  /** Whether its evidence goes on from stage to stage. */
  readonly carries: boolean;
}

const sums = (count: number, mean: number): Value => ({ count, sum: count * mean, sumSquares: count * (mean * mean + 80 * 80) });
const buckets = (...counts: number[]): Value => ({ buckets: counts });
const rail = (limit: Limit, changes: Partial<Guardrail> = {}) => ({ guardrail: guardrail(limit, changes) });
const mean = { metric: metric({ kind: "mean", unit: "ms" }) };
const histogram = { metric: metric({ kind: "histogram", unit: "s" }), bounds: [0.1, 0.2, 0.3, 0.5] };
const rates = { near: [of(6, 500), of(50, 5000)], far: [of(60, 500), of(50, 5000)] } as const;
const means = { near: [sums(100, 190), sums(1000, 180)], far: [sums(100, 300), sums(1000, 180)] } as const;
const slower = {
  near: [buckets(43, 31, 14, 7, 5), buckets(450, 300, 130, 70, 50)],
  far: [buckets(5, 10, 15, 40, 30), buckets(450, 300, 130, 70, 50)],
} as const;

const TRIED: readonly Tried[] = [
  { name: "a ratio", common: rail(limits.increase), ...rates, carries: true },
  { name: "points", common: rail(limits.morePoints), ...rates, carries: true },
  { name: "a fixed limit of a rate", common: rail(limits.max), ...rates, carries: true },
  { name: "a mean's change", common: { ...mean, ...rail({ form: "maxIncrease", by: "value", amount: 10 }) }, ...means, carries: true },
  { name: "a mean's limit", common: { ...mean, ...rail({ form: "max", value: 200 }) }, ...means, carries: true },
  { name: "any slowdown", common: { ...histogram, ...rail({ form: "maxIncrease", by: "ratio", amount: 0.1 }) }, ...slower, carries: true },
  {
    name: "a quantile's rise",
    common: { ...histogram, ...rail({ form: "maxIncrease", by: "value", amount: 0.05 }, { quantile: 0.5 }) },
    ...slower,
    carries: false,
  },
];

const at = ([treatment, control]: readonly [Value, Value], count = 1, mixed = false) => ({
  reading: reading(...Array.from({ length: count }, (_, index) => measurement({ treatment, control }, mixed, (index + 1) * MINUTE))),
});
const numbers = ({ verdict, evidence, within }: Verdict) => ({ verdict, evidence, within });

describe.each(TRIED)("the evidence of $name", ({ common, near, far, carries }) => {
  test("goes on from stage to stage where it is an e-value, and begins anew where it is not", () => {
    const stages = (names: readonly string[]) =>
      verdictsOf(
        names.map((stage) => ({ stage, ...at(near, 3) })),
        common,
      ).map(numbers);
    const [through, moved] = [stages(["1%", "1%", "1%"]), stages(["1%", "5%", "25%"])];
    if (carries) expect(moved).toEqual(through);
    const broken = verdictsOf(
      [
        { stage: "1%", ...at(far, 10) },
        { stage: "5%", reading: reading() },
      ],
      common,
    );
    expect(broken.map(({ verdict }) => verdict)).toEqual(["breach", carries ? "breach" : "inconclusive"]);
  });

  test("is the same in one reading and in several, and after a look without the feature, which at most teaches the noise", () => {
    const whole = verdictsOf([at(near, 4)], common)[0]!;
    expect(verdictsOf([at(near), at(near), at(near), at(near)], common).at(-1)).toEqual(whole);
    const dark = { split: false, exposure: exposed({ testers: false, everyone: 0 }), reading: minutes(1, { control: near[1] }) };
    const [nothing, later] = verdictsOf([dark, at(near, 4)], common);
    expect(nothing!.verdict).toBe("notJudgeable");
    expect(later!.counts).toEqual(whole.counts);
    expect(Math.abs((later!.evidence ?? 0) - (whole.evidence ?? 0))).toBeLessThan(2);
  });

  test("grows by what mixed intervals show of harm, and never by what they do not", () => {
    expect(verdictsOf([at(far, 10, true)], common)[0]!.verdict).toBe("breach");
    const mixed = verdictsOf([at(near, 10, true)], common)[0]!;
    expect(mixed.verdict).toBe("inconclusive");
    if (mixed.within !== undefined) expect(mixed.within).toBeLessThan(1e-6);
  });

  test("is understood by the judge that made it, and not where it was damaged", () => {
    const { evidence } = judge.guardrail(look({ ...common, ...at(near, 4) }));
    const asked = { guardrail: common.guardrail!, metric: common.metric ?? metric() };
    const stored = JSON.parse(JSON.stringify(evidence)) as { memory: Record<string, unknown>; logE?: unknown };
    const waits = "bounds" in common;
    expect(judge.understands({ ...asked, evidence: stored as never })).toBe(true);
    const { logE: _, ...rest } = stored;
    expect(judge.understands({ ...asked, evidence: { ...rest, memory: { ...stored.memory, more: 1 } } as never })).toBe(waits);
    expect(judge.understands({ ...asked, evidence: { ...rest, memory: null } as never })).toBe(waits);
  });
});

describe("what a trend remembers", () => {
  const MIB = 1024 * 1024;
  const heap = { metric: metric({ kind: "gauge", unit: "B" }), ...rail({ form: "maxTrend", perHour: 5 * MIB }, { metric: "heap" }) };
  /** Readings a minute apart, from such a minute on. */
  const rising = (count: number, perMinute: number, changes: Partial<GuardrailQuestion> = {}, from = 0, mixed = false) =>
    Array.from({ length: count }, (_, index) => ({
      ...changes,
      reading: reading(
        measurement({ treatment: { level: 400 * MIB + (from + index) * perMinute * MIB } }, mixed, (from + index + 1) * MINUTE),
      ),
    }));
  const kinds = (looks: readonly Partial<GuardrailQuestion>[], common: Partial<GuardrailQuestion> = heap) =>
    verdictsOf(looks, common).map(({ verdict }) => verdict);

  test("begins anew at each stage, with less of the chance of a false alarm", () => {
    const found = kinds([...rising(12, 1, { stage: "1%" }), ...rising(9, 1, { stage: "5%" }, 12)]);
    expect(found[11]).toBe("breach");
    expect(new Set(found.slice(12))).toEqual(new Set(["inconclusive"]));
    expect(kinds([...rising(12, 1, { stage: "1%" }), ...rising(10, 1, { stage: "5%" }, 12)]).at(-1)).toBe("breach");
  });

  test("is asked when the stage has baked, and not again before there is something new", () => {
    const looks = rising(8, 1);
    expect(kinds([...looks.slice(0, 7), { ...looks[7], bakeOver: true }]).at(-1)).toBe("breach");
    const level = rising(8, 0);
    expect(kinds([...level.slice(0, 7), { ...level[7], bakeOver: true }]).at(-1)).toBe("clear");
    expect(kinds([...level.slice(0, 7), { ...level[7], bakeOver: true }, { bakeOver: true, reading: reading() }]).at(-1)).toBe("clear");
  });

  test("does not count mixed readings, nor looks without one", () => {
    const mixed = rising(20, 1, {}, 0, true);
    expect(new Set(kinds(mixed))).toEqual(new Set(["inconclusive"]));
    const [last] = verdictsOf([...mixed, ...rising(9, 1)], heap).slice(-1);
    expect(last!.verdict).toBe("inconclusive");
    expect(last!.sentence).toMatch(/: 9 readings; /);
  });

  test("is neither broken nor kept exactly at its limit", () => {
    expect(new Set(kinds(rising(40, 5 / 60)))).toEqual(new Set(["inconclusive"]));
  });

  test("keeps every other reading of more than 240, the first among them", () => {
    const long = (count: number) =>
      judge.guardrail(
        look({
          ...heap,
          reading: reading(...rising(count, 1).flatMap(({ reading: each }) => (each.status === "measured" ? each.measurements : []))),
        }),
      );
    const pointsOf = (count: number) =>
      (long(count).evidence as unknown as { memory: { points: [number, number][]; readings: number } }).memory;
    expect(pointsOf(240).points).toHaveLength(240);
    expect(pointsOf(241).points).toHaveLength(121);
    expect(pointsOf(241).points[0]).toEqual([MINUTE, 400 * MIB]);
    expect(pointsOf(241).points.at(-1)).toEqual([241 * MINUTE, 640 * MIB]);
    expect(pointsOf(241).readings).toBe(241);
  });
});
