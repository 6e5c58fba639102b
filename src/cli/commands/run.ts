import { runToEnd } from "../../app.ts";
import { stepReport, stepView } from "../../report/step.ts";
import type { StepReport } from "../../report/step.schema.ts";
import { stepMarkdown } from "../../report/stepMarkdown.ts";
import { exitStatusOf } from "../exit.ts";
import type { Cli } from "../context.ts";
import { summarise } from "../summary.ts";
import { guarding, open } from "../target.ts";
import { chooseRunning, statusOfPlan, type MoveOptions } from "./advance.ts";

/** `rollout run PLAN|NAME`. With `--json`, one object a look. */
export async function run(cli: Cli, target: string, options: MoveOptions): Promise<number> {
  const { json, adopt = false, detailedExitcode = false, rollbackFor } = options;
  const app = open(cli, options, { live: !json, rollbackFor });
  const chosen = await chooseRunning(cli, app, target);
  const moves: StepReport[] = [];
  const result = await guarding(app, chosen, () =>
    runToEnd(app.engine, chosen.name, { ...chosen, adopt }, (each) => {
      const report = stepReport(each, "rollout.run/1");
      if (json) cli.output.data(`${JSON.stringify(report)}\n`);
      if (report.outcome === "advanced") moves.push(report);
    }),
  );
  const report = stepReport(result, "rollout.run/1");
  if (!json) cli.output.data(stepView(report, cli.output.style));
  await summarise(cli, options, { report, moves }, (each) =>
    stepMarkdown(
      each.report,
      each.moves.map(({ sentence }) => sentence),
    ),
  );
  return exitStatusOf(result, detailedExitcode) || statusOfPlan(chosen);
}
