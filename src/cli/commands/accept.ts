import { accept as acceptPlan } from "../../app.ts";
import { answer } from "../answer.ts";
import type { Cli, Globals } from "../context.ts";
import { open, planOf } from "../target.ts";

/** `rollout accept PLAN`. */
export async function accept(cli: Cli, path: string, options: Globals): Promise<number> {
  const { engine } = open(cli, options);
  return answer(cli, options, "rollout.accept/1", await acceptPlan(engine, await planOf(cli, path)));
}
