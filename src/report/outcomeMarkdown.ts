import type { AskedReport, UnrecordedReport } from "./asked.schema.ts";
import type { ErrorReport } from "./error.schema.ts";
import { blocks, marked, withCode, type Markdown } from "./markdown.ts";
import { unrecordedSentence } from "./standing.ts";
import { headingMarkdown, headMarkdown, standingMarkdown } from "./standingMarkdown.ts";

/** What came of something that a person asked for, as Markdown. */
export function askedMarkdown(report: AskedReport): Markdown {
  const what = report.schema.replace(/^rollout\.(.*)\/\d+$/, "$1");
  return blocks(
    headingMarkdown(report, what),
    marked`**${report.sentence}**`,
    ...(report.unrecorded ? [marked`**${unrecordedSentence(report.unrecorded)}**`] : []),
    standingMarkdown(report),
    headMarkdown(report),
  );
}

/** A rollback without a ledger, as Markdown. */
export function unrecordedMarkdown(report: UnrecordedReport): Markdown {
  return blocks(
    marked`### ${report.rollout}: the flag ${report.flag} is off for everybody`,
    marked`**${unrecordedSentence(report)}**`,
    marked`${report.reason}`,
  );
}

/** Why a command failed, as Markdown. */
export function errorMarkdown({ code, message, hint }: ErrorReport): Markdown {
  return blocks(marked`### Failed: ${code}`, marked`**${message}**`, ...(hint === undefined ? [] : [withCode(hint)]));
}
