import { previewPlanFile } from "../../app.ts";
import { explainPlan } from "../../report/explain.ts";
import { explainMarkdown, validationMarkdown } from "../../report/explainMarkdown.ts";
import { explainView } from "../../report/explainView.ts";
import { validation, validationView } from "../../report/validate.ts";
import type { Cli, Summarised } from "../context.ts";
import { summarise } from "../summary.ts";
import { invalid } from "../target.ts";

/** `rollout explain PLAN`: offline. */
export async function explain(cli: Cli, path: string, options: Summarised): Promise<number> {
  const { reading, size } = await previewPlanFile(path, cli);
  if (!reading.valid) {
    const mistakes = validation([{ file: path, reading }]);
    cli.output.talk(validationView(mistakes, cli.output.talkStyle));
    await summarise(cli, options, mistakes, validationMarkdown);
    throw invalid({ path, reading });
  }
  const preview = explainPlan(reading.plan, reading.hash, reading.warnings, size);
  cli.output.data(options.json ? `${JSON.stringify(preview)}\n` : explainView(preview, cli.output.style));
  await summarise(cli, options, preview, explainMarkdown);
  return 0;
}
