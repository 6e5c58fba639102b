import { rollbackNow } from "../../app.ts";
import { askedReport } from "../../report/asked.ts";
import { askedMarkdown } from "../../report/outcomeMarkdown.ts";
import type { Cli, Summarised } from "../context.ts";
import { answer } from "../answer.ts";
import { summarise } from "../summary.ts";
import { choose, guarding, open } from "../target.ts";

/** `rollout rollback PLAN|NAME`: what was asked for and done exits 0. */
export async function rollback(cli: Cli, target: string, options: Summarised & { reason?: string; rollbackFor?: string }): Promise<number> {
  const app = open(cli, options, { rollbackFor: options.rollbackFor });
  const chosen = await choose(cli, target);
  const reason = options.reason ?? "asked for by a person";
  const asked = await guarding(app, chosen, () => rollbackNow(app.engine, chosen.name, reason));
  await summarise(cli, options, askedReport(asked, "rollout.rollback/1"), askedMarkdown);
  return answer(cli, options, "rollout.rollback/1", asked);
}
