import { resume as resumeRollout } from "../../app.ts";
import { answer } from "../answer.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open, reasonOf } from "../target.ts";

interface ResumeOptions extends Globals {
  adopt?: boolean;
  restore?: boolean;
  despiteBreach?: boolean;
  reason?: string;
}

/** `rollout resume PLAN|NAME`. */
export async function resume(cli: Cli, target: string, options: ResumeOptions): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const { adopt = false, restore = false, despiteBreach = false } = options;
  const reason = despiteBreach ? await reasonOf(cli, options, "Why may it go on despite the breach?") : options.reason;
  const asked = await resumeRollout(engine, name, { adopt, restore, despiteBreach, ...(reason !== undefined && { reason }) });
  return answer(cli, options, "rollout.resume/1", asked);
}
