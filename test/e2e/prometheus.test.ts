import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stepSchema, type StepReport } from "../../src/report/step.schema.ts";
import type { Ran } from "../support/cli.ts";
import { startCounterProcess, type CounterProcess } from "../support/counterProcess.ts";
import { freePort } from "../support/ports.ts";
import { requireProgram } from "../support/programs.ts";
import { startPrometheus, type Prometheus } from "../support/prometheus.ts";
import { makeScene, planTree, type Scene } from "../support/scene.ts";

/** A service that counts, a Prometheus that scrapes it, and a CI job that runs one `rollout advance` after the other. */

const prometheus = requireProgram("prometheus");

let service: CounterProcess;
let server: Prometheus;
beforeAll(async () => {
  if (!prometheus) return;
  service = await startCounterProcess(await freePort());
  server = await startPrometheus({ targets: [service.target], every: 500 });
});
afterAll(async () => {
  await server?.stop();
  await service?.kill();
});

function planFor(name: string) {
  const { metrics: _, ...plan } = planTree("http://unused", {
    rollout: name,
    sources: { prod: { type: "prometheus", url: server.url, settle: "1s" } },
    guardrails: [
      { metric: "errors", max: "5%" },
      { metric: "errors", maxIncrease: "100%", stages: ["10%", "50%"] },
    ],
    stages: [
      { expose: "10%", bake: "1s" },
      { expose: "50%", bake: "2s" },
      { expose: "100%", bake: "1s" },
    ],
  });
  const series = (what: string) => ({ counter: `${what}_total{app="${name}",variant="{{group}}"}` });
  return { ...plan, metrics: { errors: { source: "prod", kind: "rate", events: series("errors"), total: series("requests") } } };
}

/** Users who ask the service for a page, as the flag file tells it to serve them. */
async function startTraffic(name: string, scene: Scene, treatmentErrors: () => number) {
  const count = async (variant: string, requests: number, errors: number) => {
    await service.add(`requests_total{app="${name}",variant="${variant}"}`, requests);
    await service.add(`errors_total{app="${name}",variant="${variant}"}`, errors);
  };
  const tick = async () => {
    const users = await scene.usersWithFeature();
    if (users < 200) await count("off", 4 * (200 - users), Math.random() < 0.5 ? 1 : 0);
    if (users > 0) await count("on", 4 * users, Math.round(4 * users * treatmentErrors()));
  };
  let ended = false;
  const going = (async () => {
    while (!ended) {
      await tick();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return async () => {
    ended = true;
    await going;
  };
}

/** Prometheus has not scraped the service yet since this rollout's series are there. */
function isNotScraped({ status, stderr }: Pick<Ran, "status" | "stderr">): boolean {
  return status === 4 && /no series matches|nothing matches/.test(stderr);
}

/** The results of one `advance` after the other, until one answers `isEnough`. */
async function advanceUntil(scene: Scene, isEnough: (report: StepReport) => boolean) {
  const steps: { status: number | null; report: StepReport }[] = [];
  for (;;) {
    const { status, stdout, stderr } = await scene.rollout("advance", "plan.yaml", "--json");
    if (steps.length === 0 && isNotScraped({ status, stderr })) continue;
    const report = stepSchema.parse(JSON.parse(stdout));
    steps.push({ status, report });
    if (isEnough(report)) return steps;
    expect(stderr).toBe("");
  }
}

describe.skipIf(!prometheus)("on a real Prometheus, by one advance after the other", () => {
  test.concurrent("a sound feature gets to everybody, stage by stage, and its ledger verifies", { timeout: 80_000 }, async () => {
    const scene = await makeScene(planFor("sound"), { flag: "sound" });
    const endTraffic = await startTraffic("sound", scene, () => 0.001);
    const steps = await advanceUntil(scene, ({ ended }) => ended !== undefined);
    await endTraffic();

    expect(steps.every(({ status }) => status === 0)).toBe(true);
    const moves = steps.filter(({ report }) => report.outcome === "advanced").map(({ report }) => report.exposed);
    expect(moves).toEqual(["10%", "50%", "100%"]);
    expect(steps.at(-1)?.report).toMatchObject({ outcome: "complete", exposed: "100%", ended: { outcome: "complete" } });
    // Baked by numbers, not by hope: it held in between, and what was counted is what came.
    expect(steps.some(({ report }) => report.outcome === "holding")).toBe(true);
    const looks = (await scene.entries("sound")).filter(({ kind }) => kind === "look");
    expect(looks.some(({ data }) => JSON.stringify(data["metrics"]).includes('"treatment":{"events":'))).toBe(true);
    expect(await scene.usersWithFeature()).toBe(200);

    const head = steps.at(-1)!.report.head.hash;
    expect(await scene.rollout("log", "verify", "sound", "--head", head)).toMatchObject({ status: 0, stderr: "" });
    const after = await scene.everything();
    expect(await scene.rollout("advance", "plan.yaml")).toMatchObject({ status: 0, stderr: "" });
    expect(await scene.everything()).toEqual(after);
  });

  test.concurrent("a feature that fails at 50% is rolled back, and stays so", { timeout: 80_000 }, async () => {
    const scene = await makeScene(planFor("broken"), { flag: "broken" });
    let broken = false;
    const endTraffic = await startTraffic("broken", scene, () => (broken ? 0.3 : 0.001));
    const begun = await advanceUntil(scene, ({ exposed }) => exposed === "50%");
    expect(begun.every(({ status }) => status === 0)).toBe(true);
    broken = true;
    const steps = await advanceUntil(scene, ({ ended }) => ended !== undefined);
    await endTraffic();

    const last = steps.at(-1)!;
    expect(last.status).toBe(3);
    expect(last.report).toMatchObject({ outcome: "rolledBack", exposed: "off", ended: { outcome: "rolledBack" } });
    expect(last.report.decision).toMatchObject({ kind: "rollback", cause: "breach" });
    expect(last.report.verdicts.filter(({ verdict }) => verdict === "breach")).not.toEqual([]);
    expect(steps.slice(0, -1).every(({ status, report }) => status === 0 && report.outcome === "holding")).toBe(true);
    expect(await scene.usersWithFeature()).toBe(0);
    expect(await scene.rollout("log", "verify", "broken", "--head", last.report.head.hash)).toMatchObject({ status: 0 });

    const after = await scene.everything();
    for (let again = 0; again < 3; again++) {
      const { status, stdout } = await scene.rollout("advance", "plan.yaml");
      expect(status).toBe(0);
      expect(stdout).toContain("the run is over, rolled back; nothing was done");
      expect(stdout).toContain("rollout restart broken --reason");
    }
    expect(await scene.everything()).toEqual(after);
  });

  test.concurrent.each([
    ["does not know", "unknown", undefined, /errors: no series matches/],
    ["has as NaN", "odd", NaN, /errors: .*(NaN|not a number)/],
  ])("a metric that it %s is refused before anybody is exposed", { timeout: 80_000 }, async (_, name, value, says) => {
    if (value !== undefined) await service.add(`requests_total{app="${name}",variant="off"}`, value);
    const scene = await makeScene(planFor(name), { flag: name });
    const before = await scene.everything();
    let refused = await scene.rollout("advance", "plan.yaml");
    while (value !== undefined && isNotScraped(refused)) refused = await scene.rollout("advance", "plan.yaml");
    expect(refused.stderr).toMatch(says);
    expect(refused.stderr).toContain("Nobody was exposed, nothing was recorded.");
    expect(refused).toMatchObject({ status: 4, stdout: "" });
    expect(await scene.everything()).toEqual(before);
  });
});
