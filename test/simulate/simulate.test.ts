import { describe, expect, test } from "vitest";
import { simulateSchema, type SimulateReport } from "../../src/report/simulate.schema.ts";
import { callRollout } from "../support/cli.ts";
import { makeScene, planTree } from "../support/scene.ts";

const tree = (changes: Record<string, unknown> = {}) =>
  planTree("http://127.0.0.1:1", {
    audience: { units: 50_000, traffic: "6000/min" },
    guardrails: [
      { metric: "errors", max: "1%" },
      { metric: "errors", maxIncrease: "20%" },
    ],
    policy: { onBlind: "advance", poll: "1m" },
    stages: ["5%", "25%", "100%"].map((expose) => ({ expose, bake: "5m" })),
    ...changes,
  });

async function simulated(changes: Record<string, unknown>, ...args: string[]): Promise<SimulateReport> {
  const scene = await makeScene(tree(changes));
  const { status, stdout, stderr } = await scene.call("simulate", "plan.yaml", "--runs", "20", "--json", ...args);
  expect(status, stderr).toBe(0);
  return simulateSchema.parse(JSON.parse(stdout));
}

describe("simulate", () => {
  test("finds what becomes of a healthy release, and of a range of harms", async () => {
    const { healthy, harms, assumptions } = await simulated({});
    expect(assumptions).toMatchObject({
      traffic: 6_000,
      units: 50_000,
      lookEvery: 60_000,
      metrics: { errors: { kind: "rate", rate: 0.005 } },
    });
    expect(healthy).toMatchObject({
      runs: 20,
      complete: { count: 20, share: 1 },
      everybodyAfter: { median: 10 * 60_000 },
      completeAfter: { median: 15 * 60_000 },
    });
    expect(harms.map(({ harm }) => harm)).toEqual(["errors=x1.5", "errors=x2", "errors=x3", "errors=x5", "errors=x10"]);
    expect(harms.map(({ beyond }) => beyond)).toEqual([
      ["errors maxIncrease 20%"],
      ["errors maxIncrease 20%"],
      ...[3, 5, 10].map(() => ["errors max 1%", "errors maxIncrease 20%"]),
    ]);
    const worst = harms.at(-1)!;
    expect(worst).toMatchObject({ rolledBack: { count: 20 }, missed: { count: 0, share: 0, interval: [0, expect.any(Number)] } });
    // Worse is found sooner, and fewer meet it.
    for (const of of ["requests", "users", "after"] as const) {
      const medians = harms.flatMap((harm) => harm[of]?.median ?? []);
      expect(medians).toEqual(medians.toSorted((a, b) => b - a));
    }
    // A user makes more than one request.
    expect(worst.users!.median).toBeLessThan(worst.requests.median);
  });

  test("the same seed gives the same figures on one core and on all, another seed others", async () => {
    const scene = await makeScene(tree());
    const args = ["simulate", "plan.yaml", "--runs", "40", "--harm", "errors=x2", "--overdispersion", "0.5", "--json"];
    const here = await scene.call(...args);
    expect((await scene.rollout(...args)).stdout).toBe(here.stdout);
    expect((await scene.call(...args, "--seed", "2")).stdout.replace('"seed":2', '"seed":1')).not.toBe(here.stdout);
  });

  test("noise and missing looks cost no false rollbacks, and a late harm is counted from its beginning", async () => {
    const noisy = await simulated({}, "--overdispersion", "0.5", "--missing", "20%", "--harm", "errors=x10", "--onset", "6m");
    expect(noisy.healthy.rolledBack.count).toBe(0);
    // Looks without data hold, so that it takes longer.
    expect(noisy.healthy.completeAfter!.p90).toBeGreaterThan(15 * 60_000);
    expect(noisy.harms[0]).toMatchObject({ stoppedBefore: 0, rolledBack: { count: 20 } });
    expect(noisy.harms[0]!.after!.median).toBeLessThan(9 * 60_000);
    // It begins within the second stage: 1,500 requests a minute have met it since.
    expect(noisy.harms[0]!.requests.median).toBeLessThan(1_600 * (noisy.harms[0]!.after!.median / 60_000));
  });

  test.each(["daily", "bursts"])("traffic may be %s", async (shape) => {
    const { healthy } = await simulated({}, "--shape", shape, "--harm", "errors=x10", "--clusters", "3");
    expect(healthy.complete.count).toBe(20);
  });

  test("users that a metric counts fall into the groups as the exposure says", async () => {
    const count = (name: string) => ({ counter: `${name}_total{variant="{{group}}"}` });
    const errors = { source: "shop", kind: "rate", events: count("errors"), total: count("requests"), users: count("first_requests") };
    const changes = { metrics: { errors }, audience: { units: 50_000, traffic: "6000/min", holdout: "5%" } };
    const { healthy } = await simulated(changes, "--runs", "60", "--harm", "none");
    expect(healthy).toMatchObject({ complete: { count: 60 }, because: {} });
  });

  test("every kind of metric is simulated, with harms in the directions that its limits watch", async () => {
    const { harms, assumptions, healthy } = await simulated(
      {
        metrics: {
          latency: { source: "shop", kind: "histogram", unit: "ms", buckets: { counter: 'b{variant="{{group}}"}' } },
          basket: {
            source: "shop",
            kind: "mean",
            unit: "EUR",
            count: { counter: 'c{variant="{{group}}"}' },
            sum: { counter: 's{variant="{{group}}"}' },
            sumSquares: { counter: 'q{variant="{{group}}"}' },
          },
          heap: { source: "shop", kind: "gauge", unit: "MiB", value: { gauge: 'h{variant="{{group}}"}' } },
          site: { source: "shop", kind: "rate", groups: "none", events: { counter: "e" }, total: { counter: "t" } },
        },
        guardrails: [
          { metric: "latency", quantile: "95%", maxIncrease: "50ms" },
          { metric: "latency", quantile: "95%", max: "800ms" },
          { metric: "basket", maxDecrease: "5%" },
          { metric: "heap", max: "800MiB", failures: "3 of 5" },
          { metric: "heap", maxTrend: "5MiB/h" },
          { metric: "site", max: "2%" },
        ],
      },
      "--runs",
      "6",
      "--base",
      "basket=40EUR",
      "--spread",
      "latency=60%",
      "--buckets",
      "latency=50ms,100ms,200ms,400ms,0.8s,1.6s",
      "--base",
      "latency=120ms",
    );
    expect(assumptions.metrics).toEqual({
      latency: { kind: "values", median: 120, spread: 0.6, bounds: [50, 100, 200, 400, 800, 1_600] },
      basket: { kind: "values", median: 40, spread: 0.5 },
      heap: { kind: "level", level: 400, spread: 0.02 },
      site: { kind: "rate", rate: 0.01 },
    });
    expect(healthy.rolledBack.count).toBe(0);
    const keys = harms.map(({ harm }) => harm);
    for (const key of ["latency=x2", "basket=x0.67", "heap=x3", "heap=+25/h", "site=x5"]) expect(keys).toContain(key);
    const of = (key: string) => harms.find(({ harm }) => harm === key)!;
    expect(of("basket=x0.5").rolledBack.share).toBeGreaterThan(0.9);
    // One number for everybody cannot be rolled back for.
    expect(of("site=x10")).toMatchObject({ rolledBack: { count: 0 }, paused: { count: 6 } });
    expect(of("basket=x0.95").beyond).toEqual([]);
  });

  test("for people: what was assumed, two tables, and a chart", async () => {
    const scene = await makeScene(tree());
    const { status, stdout } = await scene.call("simulate", "plan.yaml", "--runs", "20", "--harm", "errors=x1.1", "--harm", "errors=x10");
    expect(status).toBe(0);
    expect(stdout).toMatch(
      /^checkout {2}20 rollouts of each kind, seed 1\nassumed: 6,000 requests\/min, 50,000 users, a look every 1 min\n {2}errors: 0.5%$/m,
    );
    expect(stdout).toMatch(/^ {2}rolled back +0% {2}95% interval 0% to 16.1%$/m);
    expect(stdout).toMatch(/^ {2}errors x1.1 +0.55% .* within every limit$/m);
    expect(stdout).toMatch(/^ {2}errors x10 +5% +100% +0% +0% to 16.1% .* errors max/m);
    expect(stdout).toMatch(/^ {2}errors x1.1 +█+ [\d,]+\n {2}errors x10 +. [\d,]+$/m);
  });
});

test.each<[string[], string, string]>([
  [["--traffic", "6000"], '--traffic: "6000" is no number of requests in a time', "6000/min"],
  [["--base", "eror=1%"], '--base: no guardrail watches a metric "eror"', "did you mean `errors`?"],
  [["--base", "errors=1"], '--base: errors is a rate, and "1" is no percentage between 0% and 100%', "errors=0.5%"],
  [["--base", "errors"], '--base: "errors" names no metric', "METRIC=VALUE"],
  [["--spread", "errors=1%"], "--spread: errors is a rate, which has no spread", "--overdispersion"],
  [["--buckets", "errors=1"], "--buckets: errors is no histogram", "bounds"],
  [["--harm", "errors=twice"], '--harm: "twice" is no harm that errors can have', "errors=x2, errors=x0.5, errors=+0.5pp"],
  [["--harm", "errors=+10/h"], '--harm: "+10/h" is no harm that errors can have', "errors=x2"],
  [["--onset", "2h"], "--onset: the rollout is over before the harm begins", "within the bakes"],
  [["--missing", "0.1"], '--missing: "0.1" is no percentage', "10%"],
  [["--overdispersion", "much"], '--overdispersion: "much" is no coefficient of variation', "0.5"],
  [["--look", "0s"], '--look: "0s" is no duration', "1m"],
  [["--runs", "0"], '--runs: "0" is no whole number above 0', ""],
  [["--seed", "-1"], "--seed", ""],
  [["--shape", "odd"], "steady, daily, bursts", ""],
])("%j is refused", async (args, message, hint) => {
  const scene = await makeScene(tree());
  const { status, stdout, stderr } = await scene.call("simulate", "plan.yaml", ...args);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
  expect(stderr).toContain(hint);
});

test("a plan without traffic, or without guardrails, asks for them", async () => {
  const scene = await makeScene(tree({ audience: { units: 100 } }));
  expect(await scene.call("simulate", "plan.yaml")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("Say it with --traffic 6000/min"),
  });
  await scene.write("plan.yaml", tree({ guardrails: [] }));
  expect(await scene.call("simulate", "plan.yaml")).toMatchObject({
    status: 2,
    stderr: expect.stringContaining("there is nothing to simulate"),
  });
});

test("it stops at once when the user asks to, and says that nothing was written", async () => {
  const scene = await makeScene(tree());
  const controller = new AbortController();
  const running = callRollout(["simulate", "plan.yaml", "--runs", "100000"], { cwd: scene.folder }, { stop: controller.signal });
  setTimeout(() => controller.abort(), 4_000);
  const begun = performance.now();
  const { status, stdout, stderr } = await running;
  expect([status, stdout]).toEqual([130, ""]);
  expect(performance.now() - begun).toBeLessThan(8_000);
  expect(stderr).toMatch(
    /warning: 600,000 rollouts of about 15 looks take a while; fewer --runs, .*\n0% of 600,000 rollouts simulated; to go \(.*\)\n/,
  );
});
