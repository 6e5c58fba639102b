import { rollbackNow } from "../../app.ts";
import type { Cli, Globals } from "../context.ts";
import { answer } from "../answer.ts";
import { choose, open } from "../target.ts";

/** `rollout rollback PLAN|NAME`: what was asked for and done exits 0. */
export async function rollback(cli: Cli, target: string, options: Globals & { reason?: string; rollbackFor?: string }): Promise<number> {
  const { engine } = open(cli, options, { rollbackFor: options.rollbackFor });
  const { name } = await choose(cli, target);
  return answer(cli, options, "rollout.rollback/1", await rollbackNow(engine, name, options.reason ?? "asked for by a person"));
}
