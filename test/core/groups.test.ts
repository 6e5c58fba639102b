import { describe, expect, test } from "vitest";
import { cohortsOf, isRelative } from "../../src/core/groups.ts";
import { EVERYBODY } from "../../src/model/exposure.ts";
import type { Guardrail, Plan } from "../../src/model/plan.ts";
import { exposed, guardrail, metric, plan, stage } from "./builders.ts";

const absolute: Guardrail = guardrail({ limit: { form: "max", rate: 0.01 } });
const rings = [
  stage("rings", exposed(0, { "ring-1": EVERYBODY, europe: 20_000 }), 0),
  stage("staff", exposed(1_000, { staff: EVERYBODY, "ring-1": EVERYBODY }), 0),
];
const split = [
  { cohort: "treatment", label: "on" },
  { cohort: "control", label: "off" },
];

describe("whom a metric is asked for", () => {
  test.each<[string, Partial<Plan>, { cohort: string; label: string }[]]>([
    ["the two groups, by the names of the flag's variants", {}, split],
    [
      "by the service's own names, if it has some",
      { metrics: { errors: metric({ labels: { treatment: "enabled", control: "disabled" } }) } },
      [
        { cohort: "treatment", label: "enabled" },
        { cohort: "control", label: "disabled" },
      ],
    ],
    [
      "one number for everybody",
      { metrics: { errors: metric({ grouped: false }) }, guardrails: [absolute] },
      [{ cohort: "everyone", label: "" }],
    ],
    [
      "whole segments of any stage as well, for an absolute limit",
      { stages: rings, guardrails: [absolute] },
      [...split, { cohort: "segment:ring-1", label: "on-ring-1" }, { cohort: "segment:staff", label: "on-staff" }],
    ],
    ["no segments for a comparison", { stages: rings }, split],
    [
      "no segments for another metric's absolute limit",
      { stages: rings, guardrails: [guardrail(), { ...absolute, metric: "orders" }] },
      split,
    ],
    [
      "no segments by the service's own names, which are not known",
      {
        stages: rings,
        guardrails: [absolute],
        metrics: { errors: metric({ labels: { treatment: "on", control: "off" } }) },
      },
      split,
    ],
  ])("%s", (_, changes, expected) => expect(cohortsOf(plan(changes), "errors")).toEqual(expected));
});

test.each<[boolean, Partial<Guardrail>]>([
  [false, { limit: { form: "max", rate: 0.01 } }],
  [false, { limit: { form: "min", value: 12 } }],
  [true, { limit: { form: "maxIncrease", by: "ratio", amount: 0.1 } }],
  [true, { limit: { form: "maxDecrease", by: "value", amount: 12 } }],
  [false, { limit: { form: "maxIncrease", by: "ratio", amount: 0.1 }, versus: { before: 1 } }],
  [false, { limit: { form: "maxTrend", perHour: 5 } }],
])("whether it compares with the control at the same time is %s for %j", (relative, changes) => {
  expect(isRelative(guardrail(changes))).toBe(relative);
});
