import { duration } from "../core/words.ts";
import type { Instant } from "../model/measurement.ts";
import { blocks, code, list, marked, table, withCode, type Markdown } from "./markdown.ts";
import { blastRadiusSentence } from "./standing.ts";
import {
  gatesMarkdown,
  goalsMarkdown,
  headingMarkdown,
  headMarkdown,
  nextMarkdown,
  standingMarkdown,
  verdictsMarkdown,
} from "./standingMarkdown.ts";
import { ago, flagSentence } from "./status.ts";
import type { Status, StatusList } from "./status.schema.ts";
import { nextSteps } from "./step.ts";

/** A status as Markdown, as of `now`. */
export function statusMarkdown(status: Status, now: Instant): Markdown {
  const { sentence, lastLook, next, unguardedFor, planDiffers, startedAt, ended, blastRadius } = status;
  return blocks(
    headingMarkdown(status, "status"),
    marked`**${sentence}**`,
    ...(blastRadius ? [marked`${blastRadiusSentence(blastRadius)}`] : []),
    nextMarkdown(nextSteps(status)),
    ...(unguardedFor === undefined ? [] : [marked`Unguarded for **${duration(unguardedFor)}**: nobody has looked since.`]),
    ...(planDiffers && !ended ? [withCode("The plan file differs from the plan of this run: `rollout accept PLAN`.")] : []),
    standingMarkdown(status),
    ...(next === undefined ? [] : [marked`Next stage: ${next}`]),
    ...(lastLook && !ended ? [marked`Last look ${ago(now - lastLook.at)}; the flag said ${flagSentence(lastLook.flag)}.`] : []),
    verdictsMarkdown(lastLook?.verdicts ?? []),
    goalsMarkdown(lastLook?.goals ?? []),
    gatesMarkdown(ended ? [] : (lastLook?.gates ?? [])),
    marked`Started ${ago(now - startedAt)}.`,
    headMarkdown(status),
  );
}

/** All rollouts of a store as Markdown. */
export function statusListMarkdown({ rollouts, store }: StatusList): Markdown {
  const rows = rollouts.map((each) => {
    if ("error" in each) return [code(each.rollout), marked``, marked`**${each.error}**`, marked``, marked``];
    const { rollout, exposed, sentence, unguardedFor, head } = each;
    return [
      code(rollout),
      marked`${exposed}`,
      marked`${sentence}`,
      unguardedFor === undefined ? marked`` : marked`${duration(unguardedFor)}`,
      headCell(head),
    ];
  });
  return blocks(
    marked`### Rollouts in ${store}`,
    rows.length === 0 ? list([marked`none`]) : table(["rollout", "who has it", "why", "unguarded for", "head"], rows),
  );
}

function headCell({ seq, hash }: Status["head"]): Markdown {
  return marked`${seq} ${code(hash)}`;
}
