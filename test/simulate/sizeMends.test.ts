import { describe, expect, test } from "vitest";
import { EVERYBODY } from "../../src/model/exposure.ts";
import type { Plan } from "../../src/model/plan.ts";
import type { Mend } from "../../src/simulate/sizeMends.ts";
import { requestsAt, sized, sizePlan } from "./sizePlans.ts";

const GUARDRAILS = [
  "metric: errors, maxIncrease: 20%",
  "metric: errors, max: 1%",
  "metric: errors, maxIncrease: 0.2pp",
  "metric: found, maxDecrease: 20%",
  "metric: basket, maxIncrease: 5%",
  "metric: latency, maxIncrease: 10%",
  "metric: latency, quantile: 95%, maxIncrease: 50ms",
];
const ABOUT = { stages: "[1%, 5%]", audience: "units: 50000, traffic: 2000/min" };

/** The plan in which one thing was changed as a mend says. */
function changed(plan: Plan, guardrail: number, { change, to, text }: Mend): Plan {
  const stage = (more: Partial<Plan["stages"][number]>): Plan => ({ ...plan, stages: [{ ...plan.stages[0]!, ...more }, plan.stages[1]!] });
  switch (change) {
    case "bake":
      return stage({ bake: to! });
    case "share":
      return stage({ exposure: { ...plan.stages[0]!.exposure, everyone: to! } });
    case "minSamples":
      return stage({ minSamples: "auto" });
    case "traffic":
      return { ...plan, audience: { ...plan.audience, traffic: plan.audience.traffic! * to! } };
    case "guardrails":
      return {
        ...plan,
        guardrails: [plan.guardrails[guardrail]!, ...plan.guardrails.filter((_, index) => index !== guardrail).slice(0, to! - 1)],
      };
    case "detect": {
      const [, number] = /detect: ([\d.]+)/.exec(text)!;
      const { limit } = plan.guardrails[guardrail]!;
      const detect = "rate" in limit ? { ...limit, rate: Number(number) / 100 } : { ...limit, amount: Number(number) / 100 };
      return { ...plan, guardrails: plan.guardrails.map((each, index) => (index === guardrail ? { ...each, detect } : each)) };
    }
    case "stages":
      throw new Error("of a number for everybody alone");
  }
}

describe("what to change where a stage cannot see what its guardrail names", () => {
  test.each(GUARDRAILS.map((text, index) => [text, index] as const))(
    "%s: each change does by itself, and no smaller one of its kind",
    async (_, index) => {
      const { plan, size } = await sized(GUARDRAILS, ABOUT);
      const before = requestsAt(size, 0, index);
      expect(before.can).toBe("blind");
      expect(before.mends.map(({ change }) => change)).toEqual(expect.arrayContaining(["bake", "traffic"]));
      for (const mend of before.mends) {
        const after = sizePlan(changed(plan, index, mend));
        expect(requestsAt(after, 0, mend.change === "guardrails" ? 0 : index).can, mend.text).toBe(
          mend.change === "minSamples" ? "waits" : "sees",
        );
      }
      const half = (mend: Mend): Mend => ({ ...mend, to: mend.to! / 2 });
      for (const mend of before.mends.filter(({ change }) => change === "bake" || change === "share"))
        expect(requestsAt(sizePlan(changed(plan, index, half(mend))), 0, index).can, `half of ${mend.text}`).toBe("blind");
    },
  );

  test("where little is missing, fewer guardrails would do, each with more of the budget", async () => {
    const { plan, size } = await sized(GUARDRAILS, ABOUT);
    const bake = Math.round(requestsAt(size, 0, 1).takes! * 0.97);
    const short = { ...plan, stages: [{ ...plan.stages[0]!, bake }, plan.stages[1]!] };
    const mend = requestsAt(sizePlan(short), 0, 1).mends.find(({ change }) => change === "guardrails")!;
    expect(mend.text).toMatch(/^keep [45] of the 7 guardrails/);
    expect(requestsAt(sizePlan(changed(short, 1, mend)), 0).can).toBe("sees");
    expect(requestsAt(sizePlan(changed(short, 1, { ...mend, to: mend.to! + 1 })), 0).can).toBe("blind");
  });

  test("is written as a plan writes it", async () => {
    const { size } = await sized(["metric: errors, max: 1%, detect: 1.8%"], ABOUT);
    expect(requestsAt(size, 0).mends.map(({ text }) => text)).toEqual([
      expect.stringMatching(/^bake \d+h(\d+m)?$/),
      "set `minSamples: auto`, which waits for as many",
      expect.stringMatching(/^expose \d+(\.\d+)?%$/),
      expect.stringMatching(/^name a larger harm \(detect: [\d.]+%\)$/),
      expect.stringMatching(/^wait for [\d.]+ times the traffic$/),
    ]);
  });

  test("a control that shrinks has its end: no share above a half is told for a comparison", async () => {
    const few = { stages: "[1%]", audience: "traffic: 20/min" };
    const { size } = await sized(["metric: errors, maxIncrease: 20%"], few);
    expect(requestsAt(size, 0).mends.map(({ change }) => change)).not.toContain("share");
    const { size: compared } = await sized(["metric: errors, maxIncrease: 20%"], ABOUT);
    expect(requestsAt(compared, 0).mends.find(({ change }) => change === "share")!.to).toBeLessThanOrEqual(EVERYBODY / 2);
  });
});
