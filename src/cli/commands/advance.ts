import { rehearse, RolloutError, step, waitForMove, type App } from "../../app.ts";
import { rehearsalReport, rehearsalView, stepReport, stepView } from "../../report/step.ts";
import { rehearsalMarkdown, stepMarkdown } from "../../report/stepMarkdown.ts";
import { exitStatusOf } from "../exit.ts";
import type { Cli, Summarised } from "../context.ts";
import { summarise } from "../summary.ts";
import { choose, durationOf, guarding, open, type Chosen } from "../target.ts";

/** Options of the commands that move a rollout. */
export interface MoveOptions extends Summarised {
  adopt?: boolean;
  detailedExitcode?: boolean;
  rollbackFor?: string;
}

interface AdvanceOptions extends MoveOptions {
  wait?: string;
  dryRun?: boolean;
}

/** `rollout advance PLAN|NAME`. */
export async function advance(cli: Cli, target: string, options: AdvanceOptions): Promise<number> {
  const { json, adopt = false, detailedExitcode = false, rollbackFor, wait } = options;
  const patience = wait === undefined ? undefined : durationOf(wait, "--wait");
  if (options.dryRun && patience !== undefined) throw new RolloutError("usage", "--dry-run looks once and does not wait");
  const app = open(cli, options, { live: patience !== undefined, rollbackFor });
  const chosen = await chooseRunning(cli, app, target);
  const how = { ...chosen, adopt };
  const show = (report: unknown, view: () => string) => cli.output.data(json ? `${JSON.stringify(report)}\n` : view());

  if (options.dryRun) {
    const report = rehearsalReport(await rehearse(app.engine, chosen.name, how), chosen.file?.plan);
    show(report, () => rehearsalView(report, cli.output.style));
    await summarise(cli, options, report, rehearsalMarkdown);
    return statusOfPlan(chosen);
  }
  const result = await guarding(app, chosen, () =>
    patience === undefined ? step(app.engine, chosen.name, how) : waitForMove(app.engine, chosen.name, how, patience),
  );
  const report = stepReport(result, "rollout.advance/1");
  show(report, () => stepView(report, cli.output.style));
  await summarise(cli, options, report, (each) => stepMarkdown(each));
  return exitStatusOf(result, detailedExitcode) || statusOfPlan(chosen);
}

/**
 * The rollout to move. A plan file that is not valid stops it from advancing, but a run that has begun is guarded by the
 * plan in its ledger all the same.
 */
export async function chooseRunning(cli: Cli, { engine }: App, target: string): Promise<Chosen> {
  const chosen = await choose(cli, target);
  if (!chosen.fileIsInvalid) return chosen;
  if ((await engine.store.read(chosen.name, -1)).length === 0) throw new RolloutError("invalidPlan", `${target} is not a valid plan`);
  cli.output.talk(`${target} is not valid: ${chosen.name} is guarded by the plan in its ledger, and does not advance`);
  return chosen;
}

/** A broken plan file is told in the end, unless something worse is. */
export function statusOfPlan({ fileIsInvalid }: Chosen): number {
  return fileIsInvalid ? new RolloutError("invalidPlan", "").exitStatus : 0;
}
