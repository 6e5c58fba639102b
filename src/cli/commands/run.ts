import { runToEnd } from "../../app.ts";
import { stepReport, stepView } from "../../report/step.ts";
import { exitStatusOf } from "../exit.ts";
import type { Cli } from "../context.ts";
import { guarding, open } from "../target.ts";
import { chooseRunning, statusOfPlan, type MoveOptions } from "./advance.ts";

/** `rollout run PLAN|NAME`. With `--json`, one object a look. */
export async function run(cli: Cli, target: string, options: MoveOptions): Promise<number> {
  const { json, adopt = false, detailedExitcode = false, rollbackFor } = options;
  const app = open(cli, options, { live: !json, rollbackFor });
  const chosen = await chooseRunning(cli, app, target);
  const result = await guarding(app, chosen, () =>
    runToEnd(app.engine, chosen.name, { ...chosen, adopt }, (each) => {
      if (json) cli.output.data(`${JSON.stringify(stepReport(each, "rollout.run/1"))}\n`);
    }),
  );
  if (!json) cli.output.data(stepView(stepReport(result, "rollout.run/1"), cli.output.style));
  return exitStatusOf(result, detailedExitcode) || statusOfPlan(chosen);
}
