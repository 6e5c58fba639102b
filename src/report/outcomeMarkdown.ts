import type { AskedReport } from "./asked.schema.ts";
import type { ErrorReport } from "./error.schema.ts";
import { blocks, marked, withCode, type Markdown } from "./markdown.ts";
import { headingMarkdown, headMarkdown, standingMarkdown } from "./standingMarkdown.ts";

/** What came of something that a person asked for, as Markdown. */
export function askedMarkdown(report: AskedReport): Markdown {
  const what = report.schema.replace(/^rollout\.(.*)\/\d+$/, "$1");
  return blocks(headingMarkdown(report, what), marked`**${report.sentence}**`, standingMarkdown(report), headMarkdown(report));
}

/** Why a command failed, as Markdown. */
export function errorMarkdown({ code, message, hint }: ErrorReport): Markdown {
  return blocks(marked`### Failed: ${code}`, marked`**${message}**`, ...(hint === undefined ? [] : [withCode(hint)]));
}
