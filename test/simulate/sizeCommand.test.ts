import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sizeSchema } from "../../src/report/size.schema.ts";
import { callRollout } from "../support/cli.ts";

const PLAN = `version: 1
rollout: checkout
flag: { backend: { type: flagd, file: flags.json } }
sources: { shop: { type: openmetrics, url: "http://127.0.0.1:1/metrics" } }
metrics:
  errors: { source: shop, kind: rate, events: { counter: 'e{v="{{group}}"}' }, total: { counter: 't{v="{{group}}"}' } }
guardrails: [{ metric: errors, maxIncrease: 50% }]
stages: [1%, 50%, 100%]
`;

async function size(text: string, ...options: string[]) {
  const cwd = await mkdtemp(join(tmpdir(), "rollout-size-"));
  onTestFinished(() => rm(cwd, { recursive: true }));
  await writeFile(join(cwd, "plan.yaml"), text);
  return callRollout(["size", "plan.yaml", ...options], { cwd });
}

test("`rollout size` answers with a table, or as JSON, and 0 whatever it finds", async () => {
  const shown = await size(PLAN, "--traffic", "6000/min", "--units", "50000", "--base", "errors=0.5%");
  expect([shown.status, shown.stderr]).toEqual([0, ""]);
  expect(shown.stdout).toMatch(/errors maxIncrease 50%: cannot see 3x in 1,800 of the/);

  const told = await size(PLAN, "--json", "--traffic", "100/s", "--base", "errors=4%");
  const report = sizeSchema.parse(JSON.parse(told.stdout));
  expect([told.status, report.traffic, report.expected[0]!.text]).toEqual([0, 6000, "4% (as you say)"]);
  expect(report.stages[0]!.guardrails[0]).toMatchObject({ can: "sees", names: { text: "3x (4% to 12%)" } });
});

test.each<[string, string[], string]>([
  [PLAN, ["--traffic", "6000"], "--traffic"],
  [PLAN, ["--base", "error=1%"], "errors"],
  [PLAN, ["--base", "errors=1"], "percentage"],
  [PLAN.replace("maxIncrease: 50%", "maxIncrease: 50"), [], "is not a valid plan"],
])("what is not understood ends with 2 (%#)", async (text, options, said) => {
  const { status, stdout, stderr } = await size(text, ...options);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(said);
});
