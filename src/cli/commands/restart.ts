import { restart as restartRollout, RolloutError } from "../../app.ts";
import { answer } from "../answer.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open, reasonOf } from "../target.ts";

/** `rollout restart PLAN|NAME --reason …`. */
export async function restart(cli: Cli, target: string, options: Globals & { reason?: string; adopt?: boolean }): Promise<number> {
  const { engine } = open(cli, options);
  const { name, file, fileIsInvalid } = await choose(cli, target);
  if (fileIsInvalid)
    throw new RolloutError("invalidPlan", `${target} is not a valid plan`, {
      hint: `To begin again with the plan of the last run: rollout restart ${name}`,
    });
  const reason = await reasonOf(cli, options, "Why another run?");
  if (reason === undefined)
    throw new RolloutError("usage", "restart needs --reason", { hint: "The reason stands in the ledger beside the end of the last run." });
  return answer(cli, options, "rollout.restart/1", await restartRollout(engine, name, file, { reason, adopt: options.adopt ?? false }));
}
