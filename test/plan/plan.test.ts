import { describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { planSchema } from "../../src/model/plan.ts";
import { planHash } from "../../src/plan/hash.ts";
import { readPlan } from "../../src/plan/read.ts";
import { catalog, diagnosticsOf, files, good, planOf, read, shortly, withLine } from "./fakes.ts";

const shortest = `version: 1
rollout: new-checkout
flag: { backend: { type: coarse, project: shop } }
stages: [1%, 5%, 100%]
`;

describe("the normal form", () => {
  test("the shortest plan has all defaults filled in", async () => {
    expect(await planOf(shortest)).toEqual({
      version: 1,
      rollout: "new-checkout",
      risks: [],
      flag: {
        backend: { type: "coarse", project: "shop" },
        key: "new-checkout",
        treatment: "on",
        control: "off",
        propagation: 60_000,
        writeWithin: 30_000,
      },
      audience: { exclude: [], testers: [], holdout: 0, segments: {} },
      sources: {},
      metrics: {},
      guardrails: [],
      goals: [],
      policy: {
        falseRollback: 0.05,
        poll: 60_000,
        onInconclusive: "advance",
        onBlind: "hold",
        sampleRatio: "users",
        onNoData: { hold: 1_800_000, then: "pause" },
      },
      stages: [
        { name: "1%", exposure: { testers: false, everyone: 1_000, segments: {} }, bake: 1_800_000, minSamples: 0 },
        { name: "5%", exposure: { testers: false, everyone: 5_000, segments: {} }, bake: 1_800_000, minSamples: 0 },
        { name: "100%", exposure: { testers: false, everyone: 100_000, segments: {} }, bake: 1_800_000, minSamples: 0 },
      ],
    });
  });

  test("it is what the model says a plan is", async () => {
    for (const text of [shortest, good]) expect(planSchema.parse(await planOf(text))).toEqual(await planOf(text));
  });

  test("units are converted, adapters' options and queries stay as they are written", async () => {
    const plan = await planOf(
      good
        .replace("  holdout: 5%", "  holdout: 0.5%\n  units: 50000\n  traffic: 2/s")
        .replace('bearer: "${env:TOKEN}"', 'bearer: "${env:TOKEN}", settle: 1m')
        .replace("  poll: 1m", "  poll: 1h30m\n  falseRollback: 1%\n  onNoData: { hold: 500ms, then: rollback }"),
    );
    expect(plan.audience).toMatchObject({ holdout: 500, units: 50_000, traffic: 120 });
    expect(plan.sources).toEqual({ prod: { type: "numbers", url: "http://numbers:9090", bearer: "${env:TOKEN}", settle: "1m" } });
    expect(plan.metrics["errors"]).toEqual({
      source: "prod",
      kind: "rate",
      grouped: true,
      events: { counter: `errors{group="{{group}}"}` },
      total: { counter: `requests{group="{{group}}"}` },
    });
    expect(plan.policy).toEqual({
      falseRollback: 0.01,
      poll: 5_400_000,
      onInconclusive: "advance",
      onBlind: "hold",
      sampleRatio: "users",
      onNoData: { hold: 500, then: "rollback" },
    });
  });

  test("the values of a file become part of the plan", async () => {
    const text = "\uFEFF# ring one\r\n alpha \r\n\r\nbeta # not a comment\r\n#gone\r\n1\r\n";
    const plan = await planOf(good, { files: { "ring.txt": text } });
    expect(plan.audience.segments["ring"]).toEqual({
      rule: { attribute: "tenant", inFile: "ring.txt", values: ["alpha", "beta # not a comment", "1"] },
    });
  });

  test("a guardrail is called by its text, and takes what a breach does from the policy", async () => {
    const plan = await planOf(
      good
        .replace("  poll: 1m", "  onBreach: notify")
        .replace(
          "  - { metric: errors, max: 0.1% }",
          [
            "  - { metric: errors, max: 0.10% }",
            "  - { metric: errors, maxIncrease: 20% }",
            "  - { metric: errors, maxDecrease: 0.05pp, onBreach: rollback, stages: [half] }",
            "  - { metric: site, min: 99.9% }",
          ].join("\n"),
        ),
    );
    expect(plan.guardrails).toEqual([
      { id: "errors max 0.1%", metric: "errors", limit: { form: "max", rate: 0.001 }, onBreach: "notify" },
      { id: "errors maxIncrease 20%", metric: "errors", limit: { form: "maxIncrease", by: "ratio", amount: 0.2 }, onBreach: "notify" },
      {
        id: "errors maxDecrease 0.05pp",
        metric: "errors",
        limit: { form: "maxDecrease", by: "points", amount: 0.0005 },
        onBreach: "rollback",
        stages: ["half"],
      },
      // Without groups a shared incident looks like harm, so nothing is rolled back for it unless the plan says so.
      { id: "site min 99.9%", metric: "site", limit: { form: "min", rate: 0.999 }, onBreach: "pause" },
    ]);
  });

  test("who is in stays in, testers are in from the first stage on, and names are the exposures' own text", async () => {
    const plan = await planOf(
      good
        .replace("  holdout: 5%", "  testers: [ring]")
        .replace(
          /stages:[\s\S]*$/,
          "stages: [0%, { expose: { segments: [staff] } }, 1.0%, { expose: { segments: [staff, ring], percent: 20% } }, { name: most, expose: { percent: 60% } }, 100%]\n",
        ),
    );
    expect(plan.stages.map(({ name, exposure }) => [name, exposure])).toEqual([
      ["testers", { testers: true, everyone: 0, segments: {} }],
      ["staff", { testers: true, everyone: 0, segments: { staff: 100_000 } }],
      ["1%", { testers: true, everyone: 1_000, segments: { staff: 100_000 } }],
      ["20% of staff, 20% of ring", { testers: true, everyone: 1_000, segments: { ring: 20_000, staff: 100_000 } }],
      ["most", { testers: true, everyone: 60_000, segments: { ring: 20_000, staff: 100_000 } }],
      ["100%", { testers: true, everyone: 100_000, segments: { ring: 20_000, staff: 100_000 } }],
    ]);
  });

  test("every kind of rule is read", async () => {
    const rule = `{ all: [ { attribute: a, in: [x, 1] }, { attribute: a, notIn: [y] }, { attribute: a, equals: true }, { attribute: a, startsWith: p }, { attribute: a, contains: q },
      { any: [ { attribute: n, above: 1.5 }, { attribute: n, below: -2 } ] }, { not: { attribute: v, semver: ">=7.4.0  <8" } }, { attribute: t, inFile: ring.txt } ] }`;
    const plan = await planOf(good.replace("  holdout: 5%", `  eligible: ${rule}`));
    expect(plan.audience.eligible).toMatchObject({ all: { length: 8, 7: { values: ["a", "b"] } } });
    expect(planSchema.parse(plan)).toEqual(plan);
  });

  test("each value of the plan has its place in the file", async () => {
    const reading = await read(good);
    expect(reading.valid && reading.places.get("stages[1].bake")).toEqual({ line: 25, column: 38, endLine: 25, endColumn: 40 });
  });
});

describe("the hash", () => {
  const hashOf = async (text: string, held = files) => planHash(await planOf(text, { files: held }));

  test("is the SHA-256 of what the plan says", async () => {
    const reading = await read(good);
    expect(reading.valid && reading.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(reading.valid && planHash(reading.plan)).toBe(reading.valid && reading.hash);
  });

  test("stays the same when only the writing changes", async () => {
    const lines = good.trimEnd().split("\n");
    const [version, rollout, ...rest] = lines;
    const rewritten = ["# a comment", rollout, `${version}  # another`, ...rest, ""]
      .join("\n")
      .replace("holdout: 5%", 'holdout: "5.0%"')
      .replace("poll: 1m", "poll: 60s");
    expect(await hashOf(rewritten)).toBe(await hashOf(good));
    expect(await hashOf(good.replace("{ name: half, expose: 50%, bake: 1h }", "{ bake: 60m, expose: 50%, name: half }"))).toBe(
      await hashOf(good),
    );
  });

  test("changes with what the plan says, and with what its files hold", async () => {
    const hashes = await Promise.all([
      hashOf(good),
      hashOf(good.replace("bake: 1h", "bake: 2h")),
      hashOf(good.replace("env:TOKEN", "env:OTHER")),
      hashOf(good, { "ring.txt": "a\nb\nc\n" }),
      hashOf(withLine("version: 1", "version: 1\nowner: growth")),
    ]);
    expect(new Set(hashes).size).toBe(hashes.length);
    expect(await hashOf(good, { "ring.txt": "# more\na\n\nb" })).toBe(hashes[0]);
  });
});

describe("files that rules name", () => {
  const said = async (held: Record<string, string>) => (await diagnosticsOf(good, { files: held })).map(shortly);

  test("are at most 1 MB of UTF-8 text", async () => {
    expect((await said({ "ring.txt": "a\n".repeat(600_000) }))[0]).toContain("9:40 the file is larger than 1 MB");
    expect((await said({ "ring.txt": "a\uFFFD\n" }))[0]).toContain("9:40 the file is not UTF-8 text");
    expect((await said({ "ring.txt": "a\0" }))[0]).toContain("9:40 the file is not UTF-8 text");
  });

  test("may be empty, with a warning", async () => {
    expect(await said({ "ring.txt": "# nobody yet\n" })).toEqual([
      "9:40 the file holds no values, so nobody matches → write one value a line",
    ]);
  });

  test("that cannot be read are the plan's mistake", async () => {
    const reading = await readPlan(good, {
      file: "plan.yaml",
      catalog,
      readFile: async () => {
        throw new RolloutError("invalidPlan", '"../ring.txt" leads out of the repository', { hint: "keep it inside" });
      },
    });
    expect(!reading.valid && reading.diagnostics.map(shortly)).toEqual([
      '9:40 the file cannot be read: "../ring.txt" leads out of the repository → keep it inside',
    ]);
  });
});
