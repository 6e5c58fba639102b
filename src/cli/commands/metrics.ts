import { measureOnce, readState, RolloutError } from "../../app.ts";
import { metricsReport, metricsView } from "../../report/metrics.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open } from "../target.ts";

/** `rollout metrics PLAN|NAME`: 5 when a source could not be reached. */
export async function metrics(cli: Cli, target: string, options: Globals): Promise<number> {
  const { engine } = open(cli, options);
  const { name, file, fileIsInvalid } = await choose(cli, target);
  if (fileIsInvalid) throw new RolloutError("invalidPlan", `${target} is not a valid plan`);
  const asked = file ?? (await readState(engine.store, name));
  if (!asked) throw new RolloutError("usage", `there is no rollout ${name} in ${engine.store.address}`, { hint: "Give its plan file." });
  const { at, answers } = await measureOnce(engine, asked);
  const report = metricsReport(name, answers, at);
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : metricsView(report, cli.output.style));
  return answers.some(({ measured }) => measured.status === "error") ? 5 : 0;
}
