import { step, type StepResult } from "../../src/engine/advance.ts";
import { accept, pause, restart, resume, rollbackNow } from "../../src/engine/people.ts";
import type { PlanFile } from "../../src/engine/start.ts";
import type { StoredEntry } from "../../src/ledger/port.ts";
import type { Plan } from "../../src/model/plan.ts";
import { createWorld, everyone, fileOf, HARMFUL, HEALTHY, MINUTE, planOf, relative, stage } from "../support/world.ts";

/** A history of four runs with much that can happen in it; of each version of the ledger's form one is recorded beside this. */

export const NAME = "checkout";

/** Lives it, and gives what stands in the ledger then. */
export async function livedHistory(): Promise<StoredEntry[]> {
  const world = createWorld();
  const [{ engine: anna }, { engine: ben }] = [world.runner("anna"), world.runner("ben")];
  const looks = async (count: number, file?: PlanFile) => {
    let result: StepResult | undefined;
    for (let nth = 0; nth < count; nth++) {
      result = await step(anna, NAME, { ...(file && { file }), adopt: false });
      world.time += MINUTE;
    }
    return result;
  };
  const goOn = { adopt: false, restore: false, despiteBreach: false };

  await looks(1, fileOf(plan));
  await looks(1);
  await pause(anna, NAME, "lunch");
  await looks(1);
  await resume(anna, NAME, goOn);
  await looks(3);
  world.byHand(everyone(10));
  await looks(1);
  await resume(anna, NAME, { ...goOn, adopt: true, reason: "as it is" });
  await accept(anna, fileOf({ ...plan, guardrails: plan.guardrails.slice(0, 2) }));
  await looks(3);
  world.source = "dead";
  await looks(1);
  world.source = "well";
  world.conditions(HARMFUL);
  await looks(4);

  world.conditions(HEALTHY);
  await restart(anna, NAME, fileOf(plan), { reason: "mended", adopt: false });
  await looks(12);

  world.byHand(everyone(0));
  // So long that no preflight sees what the flag said before.
  world.time += 30 * MINUTE;
  await restart(ben, NAME, undefined, { reason: "once more", adopt: false });
  await looks(2);
  await rollbackNow(ben, NAME, "somebody asked");
  await restart(ben, NAME, undefined, { reason: "and again", adopt: false });
  await looks(2);
  return world.entries(NAME);
}

const base = planOf();
const plan: Plan = {
  ...base,
  owner: "shop",
  metrics: { ...base.metrics, latency: { source: "shop", kind: "histogram", grouped: true, unit: "s", buckets: { of: "latency" } } },
  guardrails: [
    ...base.guardrails,
    relative,
    {
      id: "latency p90 maxIncrease 50%",
      metric: "latency",
      quantile: 0.9,
      limit: { form: "maxIncrease", by: "ratio", amount: 0.5 },
      onBreach: "rollback",
    },
  ],
  stages: [stage(5), stage(25), stage(50)],
};
