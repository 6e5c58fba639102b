import { describe, expect, test } from "vitest";
import { renderDiagnostics } from "../../src/report/frames.ts";
import { diagnosticsOf, good, read, shortly, withLine } from "./fakes.ts";

const BACKEND = "  backend: { type: fine, file: flags.json }";
const HOLDOUT = "  holdout: 5%";
const STAFF = '    staff: { attribute: email, endsWith: "@example.com" }';

describe("what a backend or the model cannot hold is refused offline", () => {
  test("a backend is not asked for finer steps than it has", async () => {
    const text = withLine(BACKEND, "  backend: { type: coarse, project: p }")
      .replace("  - 1%", "  - 0.5%")
      .replace("50%", "{ segments: [staff], percent: 1.5% }")
      .replace("5%\n  seg", "2.5%\n  seg");
    expect((await diagnosticsOf(text)).map(shortly)).toEqual([
      "6:12 coarse serves shares in steps of 1%, and 2.5% is finer → write 3%",
      "24:5 coarse serves shares in steps of 1%, and 0.5% is finer → write 1%",
      "25:57 coarse serves shares in steps of 1%, and 1.5% is finer → write 2%",
    ]);
  });

  test("a backend is not asked for what it cannot express", async () => {
    const text = withLine(BACKEND, "  backend: { type: coarse, project: p }").replace(
      HOLDOUT,
      `${HOLDOUT}\n  eligible: { attribute: age, below: 30 }`,
    );
    expect((await diagnosticsOf(text)).map(shortly)).toEqual(["4:3 coarse knows no `below` → use `above`"]);
  });

  test("rules are nested at most twenty deep", async () => {
    const nested = (depth: number) => `    staff: ${"{ not: ".repeat(depth - 1)}{ attribute: a, equals: b }${" }".repeat(depth - 1)}`;
    expect((await read(withLine(STAFF, nested(20)))).valid).toBe(true);
    expect((await diagnosticsOf(withLine(STAFF, nested(21)))).map(({ message }) => message)).toEqual([
      "rules are nested more than 20 deep",
    ]);
  });
});

describe("no error hides another", () => {
  const twelve = `version: 2
rollout: New Checkout
flag:
  backend: { type: fin }
  writeWithin: 30
audience:
  exclude: [frozen]
sources:
  prod: { type: numbers, url: "http://numbers:9090", bearer: hunter2 }
metrics:
  errors:
    source: prd
    kind: rate
    events: { counter: errors{group="{{group}}"} }
    total: { counter: requests }
guardrails:
  - { metric: eror, max: 0.1 }
stages:
  - 1%
  - { expose: 5%, bak: 1h }
`;

  test("a plan with twelve mistakes shows exactly twelve frames", async () => {
    const diagnostics = await diagnosticsOf(twelve);
    const frames = renderDiagnostics(diagnostics).split("\n\n");
    expect(diagnostics.map(({ range, path }) => `${range.line} ${path}`)).toEqual([
      "1 version",
      "2 rollout",
      "4 flag.backend.type",
      "5 flag.writeWithin",
      "7 audience.exclude[0]",
      "9 sources.prod.bearer",
      "12 metrics.errors.source",
      "14 metrics.errors.events.counter",
      "15 metrics.errors.total",
      "17 guardrails[0].metric",
      "17 guardrails[0].max",
      "20 stages[1].bak",
    ]);
    expect(frames).toHaveLength(12);
  });

  test("the good plan has none", async () => {
    expect(await diagnosticsOf(good)).toEqual([]);
  });
});
