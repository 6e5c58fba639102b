import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import { previewSchema, type Preview } from "../../src/report/explain.schema.ts";
import { explainPlan } from "../../src/report/explain.ts";
import { explainView } from "../../src/report/explainView.ts";
import { colourStyle } from "../../src/report/style.ts";
import { good, kinds, read } from "../plan/fakes.ts";

async function preview(text: string): Promise<Preview> {
  const reading = await read(text);
  if (!reading.valid) throw new Error(reading.diagnostics.map(({ message }) => message).join("\n"));
  return explainPlan(reading.plan, reading.hash, reading.warnings);
}

const guarded = good
  .replace("  holdout: 5%", "  holdout: 5%\n  testers: [ring]\n  units: 10000\n  traffic: 600/min")
  .replace('endsWith: "@example.com" }', 'endsWith: "@example.com", units: 200 }')
  .replace(
    "  - { metric: errors, max: 0.1% }",
    "  - { metric: errors, max: 0.1% }\n  - { metric: errors, maxIncrease: 20% }\n  - { metric: site, max: 1%, stages: [half, 100%] }",
  )
  .replace("  - 1%", "  - 0%\n  - { expose: { segments: [staff] } }\n  - { expose: 1%, minSamples: 1000, bake: 1h }");

const everyForm = kinds.replace(
  /guardrails:\n.*\n/,
  `guardrails:\n${[
    "errors, min: 99%, detect: 90%",
    "errors, maxIncrease: 0.5pp",
    "basket, max: 20EUR",
    "basket, maxDecrease: 5%",
    "latency, quantile: 95%, max: 500ms",
    "latency, quantile: 95%, maxIncrease: 50ms",
    "latency, maxIncrease: 10%",
    "heap, max: 800MiB",
    "heap, max: 800MiB, failures: 3 of 5",
    "heap, maxTrend: 5MiB/h",
    "site, maxIncrease: 50%, versus: { before: 24h }",
    "errors, maxIncrease: 20%, require: clear, proof: strict, detect: 100%",
  ]
    .map((guardrail) => `  - { metric: ${guardrail} }\n`)
    .join("")}`,
);

describe("explain tells what a plan will do", () => {
  test("who is in at each stage, and about how many", async () => {
    const { stages } = await preview(guarded);
    expect(stages.map(({ name, who, users, requestsPerMinute }) => [name, who, users, requestsPerMinute])).toEqual([
      ["testers", "the testers (ring)", undefined, undefined],
      ["staff", "the testers (ring), all of staff, the holdout of 5% left out", 190, 11.4],
      // 1 % of 10,000 and the other 99 % of staff, less the holdout.
      ["1%", "the testers (ring), all of staff, 1% of the eligible, the holdout of 5% left out", 283, 17],
      ["half", "the testers (ring), all of staff, 50% of the eligible, the holdout of 5% left out", 4_845, 291],
      ["100%", "the testers (ring), everybody eligible, the holdout of 5% left out", 9_500, 570],
    ]);
  });

  test("when each stage begins at the earliest: after propagation, bake and samples of those before", async () => {
    const minutes = (milliseconds: number | undefined) => (milliseconds ?? Number.NaN) / 60_000;
    const { stages, everybodyAfter, completeAfter } = await preview(
      guarded
        .replace("  backend: { type: fine, file: flags.json }", "  backend: { type: fine, file: flags.json }\n  propagation: 2m")
        .replace("minSamples: 1000", "minSamples: 3400"),
    );
    expect(stages.map(({ begins, lasts }) => [minutes(begins), minutes(lasts)])).toEqual([
      [0, 32],
      [32, 32],
      // 3,400 samples at 17 a minute take 200 minutes, longer than the bake of an hour.
      [64, 202],
      [266, 62],
      [328, 32],
    ]);
    expect([minutes(everybodyAfter), minutes(completeAfter)]).toEqual([328, 360]);
  });

  test("what guards each stage, and what cannot be judged there", async () => {
    const { stages } = await preview(guarded);
    expect(
      stages.map(({ guards }) => guards.map((guard) => (guard.judged ? guard.guardrail : `not ${guard.guardrail}: ${guard.reason}`))),
    ).toEqual([
      [
        "not errors max 0.1%: only testers have the feature, and they are outside the statistics",
        "not errors maxIncrease 20%: only testers have the feature, and they are outside the statistics",
      ],
      ["errors max 0.1%", "not errors maxIncrease 20%: whole segments alone leave nobody to compare with"],
      ["errors max 0.1%", "errors maxIncrease 20%"],
      ["errors max 0.1%", "errors maxIncrease 20%", "site max 1%"],
      ["errors max 0.1%", "errors maxIncrease 20%", "site max 1%"],
    ]);
  });

  test("at 100% without a holdout, that relative guardrails are blind", async () => {
    const { stages } = await preview(guarded.replace("  holdout: 5%\n", ""));
    expect(stages.at(-1)?.guards[1]).toEqual({
      guardrail: "errors maxIncrease 20%",
      judged: false,
      reason: "at 100% without a holdout nobody is left to compare with",
    });
  });

  test("that a metric with labels of its own does not see whole segments", async () => {
    const { stages } = await preview(guarded.replace("    kind: rate\n", "    kind: rate\n    labels: { treatment: new, control: old }\n"));
    expect(stages[1]?.guards[0]).toMatchObject({
      judged: false,
      reason: "its labels name the two groups alone, and whole segments are in neither",
    });
  });

  test("what each guardrail demands, and what one without groups cannot tell", async () => {
    const { guardrails } = await preview(guarded);
    expect(guardrails.map(({ sentence, notes, onBreach }) => [sentence, ...notes, onBreach])).toEqual([
      ["errors is at most 0.1%", "rollback"],
      ["errors is at most 20% above the control's", "rollback"],
      ["site is at most 1%", "it has no groups, so it cannot tell a shared incident from harm", "pause"],
    ]);
  });

  test("what guardrails of each kind demand, in words", async () => {
    const { guardrails } = await preview(everyForm);
    expect(guardrails.map(({ sentence }) => sentence)).toEqual([
      "errors is at least 99%",
      "errors is at most 0.5 percentage points above the control's",
      "basket is on average at most 20EUR",
      "basket is on average at most 5% below the control's",
      "95% of latency is within 500ms",
      "the latency that 95% is within is at most 50ms above the control's",
      "the share of latency beyond any bound is at most 10% above the control's",
      "heap is at most 800MiB",
      "heap is above 800MiB in fewer than 3 of the last 5 readings",
      "heap rises by at most 5MiB an hour",
      "site is at most 50% above what it was in the 24h before the rollout",
      "errors is at most 20% above the control's",
    ]);
  });

  test("what a guardrail cannot tell, and what else it asks of a stage", async () => {
    const { guardrails } = await preview(everyForm);
    expect(guardrails.filter(({ notes }) => notes.length > 0).map(({ id, notes, onBreach }) => [id, onBreach, ...notes])).toEqual([
      ["errors min 99%", "rollback", "each stage should be able to see it at 90%"],
      ["heap max 800MiB", "pause", "readings of a gauge follow each other, so what they show is a sign and no proof"],
      ["heap max 800MiB in 3 of 5", "pause", "readings of a gauge follow each other, so what they show is a sign and no proof"],
      ["heap maxTrend 5MiB/h", "pause", "a trend has no control, so it cannot tell a shared incident from harm"],
      ["site maxIncrease 50% versus 24h before", "pause", "it has no groups, so it cannot tell a shared incident from harm"],
      [
        "errors maxIncrease 20%",
        "rollback",
        "a stage is only left once it is shown to be kept",
        "judged by the stricter test, which needs more requests",
        "each stage should be able to see it at 100% above the control's",
      ],
    ]);
    const past = await preview(everyForm.replace("metric: site, maxIncrease: 50%", "metric: errors, maxIncrease: 50%"));
    expect(past.guardrails.find(({ id }) => id === "errors maxIncrease 50% versus 24h before")?.notes).toEqual([
      "it is compared with the past, so it cannot tell a shared incident from harm",
    ]);
  });

  test("what is hoped for", async () => {
    const goals = ["errors, minDecrease: 0.1pp", "basket, minIncrease: 2EUR", "basket, min: 20EUR", "site, max: 0.2%"];
    const text = kinds.replace(/goals:\n.*\n/, `goals:\n${goals.map((goal) => `  - { metric: ${goal} }\n`).join("")}`);
    expect((await preview(text)).goals).toEqual([
      { id: "errors minDecrease 0.1pp", sentence: "errors is at least 0.1 percentage points below the control's" },
      { id: "basket minIncrease 2EUR", sentence: "basket is on average at least 2EUR above the control's" },
      { id: "basket min 20EUR", sentence: "basket is on average at least 20EUR" },
      { id: "site max 0.2%", sentence: "site is at most 0.2%" },
    ]);
  });

  test("that what compares with the control needs a split, whatever its kind, and what compares with the past does not", async () => {
    const { stages } = await preview(everyForm);
    const blind = stages.at(-1)?.guards.flatMap((guard) => (guard.judged ? [] : [guard.guardrail]));
    expect(blind).toEqual([
      "errors maxIncrease 0.5pp",
      "basket maxDecrease 5%",
      "latency p95 maxIncrease 50ms",
      "latency maxIncrease 10%",
      "errors maxIncrease 20%",
    ]);
    expect(stages[0]?.guards.every(({ judged }) => judged)).toBe(true);
  });

  test("by what the sizes of the groups are checked", async () => {
    const sampleRatioOf = async (policy: string, text = kinds) =>
      (await preview(text.replace("stages:", `policy: { ${policy} }\nstages:`))).sampleRatio;
    expect(await sampleRatioOf("sampleRatio: users")).toBe("the sizes of the two groups are not checked: no metric counts `users`");
    expect(await sampleRatioOf("sampleRatio: requests")).toBe("the sizes of the two groups are checked by their requests");
    expect(await sampleRatioOf("sampleRatio: off")).toBe("the sizes of the two groups are not checked");
    const counting = kinds.replace("    unit: EUR", "    unit: EUR\n    users: { counter: 'u{g=\"{{group}}\"}' }");
    expect(await sampleRatioOf("sampleRatio: users", counting)).toBe("the sizes of the two groups are checked by the users of basket");
  });

  test("that samples of `auto` take nobody knows how long", async () => {
    const { stages } = await preview(guarded.replace("minSamples: 1000", "minSamples: auto"));
    expect([stages[2]?.minSamples, stages[2]?.lasts]).toEqual(["auto", 3_600_000]);
  });

  test("it does not invent numbers that the plan does not give", async () => {
    const { stages, everybodyAfter } = await preview(good.replace("  - 100%\n", "  - 90%\n"));
    expect(stages.every(({ users, requestsPerMinute }) => users === undefined && requestsPerMinute === undefined)).toBe(true);
    expect(everybodyAfter).toBeUndefined();
  });

  test("it is plain JSON of its schema", async () => {
    const result = await preview(guarded);
    expect(previewSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  });
});

describe("explain on a terminal", () => {
  test("reads from top to bottom", async () => {
    const text = explainView(await preview(guarded.replace("version: 1", "version: 1\nhypothesis: It sells more.\nrisks: [slow, wrong]")));
    expect(text).toContain("hypothesis  It sells more.\n  risks       slow\n              wrong\n");
    expect(text).toContain(
      [
        "Stage 2: staff  after 30 min at the earliest, for at least 30 min",
        "  who         the testers (ring), all of staff, the holdout of 5% left out; about 190 users; about 11 requests/min",
        "  waits for   30 min of measured time",
        "  guarded by  errors max 0.1%",
        "  not judged  errors maxIncrease 20%: whole segments alone leave nobody to compare with",
      ].join("\n"),
    );
    expect(text).toContain("  at 100%     after 3 h at the earliest\n  complete    after 3 h 30 min at the earliest\n");
    // The warnings end it.
    expect(text.trimEnd()).toMatch(/mend: .*$/);
  });

  test("says what guardrails cannot tell below them, what is hoped for, and what a stage waits for", async () => {
    const text = explainView(await preview(everyForm.replace("name: canary", "name: canary, minSamples: auto")));
    expect(text).toContain(
      "  heap rises by at most 5MiB an hour; else pause\n    a trend has no control, so it cannot tell a shared incident from harm\n",
    );
    expect(text).toContain("Goals  hoped for; they decide nothing by themselves\n  basket is on average at least 5% above the control's\n");
    expect(text).toContain("30 min of measured time, and as many treated requests as show the harm that each guardrail names\n");
    expect(text).toContain("              holds while a stage has seen too little to show the harm that its guardrails name\n");
  });

  test("says nothing in the words of a plan that a terminal or a CI system would obey", async () => {
    const evil = '"::error::x\\e[2J ##vso[a]\\u202E"';
    const text = explainView(
      await preview(
        guarded
          .replace("version: 1", `version: 1\nowner: ${evil}\nhypothesis: ${evil}\nrisks: [${evil}]`)
          .replace("name: half", `name: ${evil}`)
          .replace("[half, 100%]", "[100%]"),
      ),
    );
    expect(text).not.toMatch(/^\s*::|##\w*\[/m);
    expect(text).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
  });

  test("colour changes nothing but the colour", async () => {
    const result = await preview(guarded);
    expect(stripVTControlCharacters(explainView(result, colourStyle))).toBe(explainView(result));
  });
});
