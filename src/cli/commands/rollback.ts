import { rollbackNow } from "../../app.ts";
import { askedReport, unrecordedView } from "../../report/asked.ts";
import type { UnrecordedReport } from "../../report/asked.schema.ts";
import { askedMarkdown, unrecordedMarkdown } from "../../report/outcomeMarkdown.ts";
import type { Cli, Summarised } from "../context.ts";
import { answer } from "../answer.ts";
import { summarise } from "../summary.ts";
import { choose, guarding, open } from "../target.ts";

/** `rollout rollback PLAN|NAME`: what was asked for and done exits 0. */
export async function rollback(cli: Cli, target: string, options: Summarised & { reason?: string; rollbackFor?: string }): Promise<number> {
  const app = open(cli, options, { rollbackFor: options.rollbackFor });
  const chosen = await choose(cli, target);
  const reason = options.reason ?? "asked for by a person";
  const asked = await guarding(app, chosen, () => rollbackNow(app.engine, chosen.name, reason, chosen.file));
  if ("state" in asked) {
    await summarise(cli, options, askedReport(asked, "rollout.rollback/1"), askedMarkdown);
    return answer(cli, options, "rollout.rollback/1", asked);
  }
  const report: UnrecordedReport = { schema: "rollout.rollback-unrecorded/1", ...asked };
  await summarise(cli, options, report, unrecordedMarkdown);
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : unrecordedView(report, cli.output.style));
  return 0;
}
