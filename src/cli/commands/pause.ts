import { pause as pauseRollout } from "../../app.ts";
import { answer } from "../answer.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open } from "../target.ts";

/** `rollout pause PLAN|NAME`. */
export async function pause(cli: Cli, target: string, options: Globals & { reason?: string }): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  return answer(cli, options, "rollout.pause/1", await pauseRollout(engine, name, options.reason ?? "no reason was given"));
}
