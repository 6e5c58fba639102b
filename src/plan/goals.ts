import type { Goal } from "../model/plan.ts";
import type { Lenient } from "./lenient.ts";
import { limitText, readLimit, type Form } from "./limits.ts";
import { namesIn } from "./metrics.ts";
import type { MetricShape } from "./metricShape.ts";
import { valueAt, type Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import { refuseUnknown } from "./references.ts";
import type { WrittenPlan } from "./written.ts";

/** By the form of a goal, the form of the limit that is the same line: hoped to be passed, where a guardrail must not pass it. */
const LINES = { minIncrease: "maxIncrease", minDecrease: "maxDecrease", min: "max", max: "min" } as const satisfies Record<string, Form>;

type GoalForm = keyof typeof LINES;
type WrittenGoal = Lenient<WrittenPlan["goals"][number]> & { [Key in GoalForm]?: string | number | undefined };

/** The goals in their normal form, without those that were in error. */
export function normaliseGoals(
  goals: Lenient<WrittenPlan>["goals"],
  tree: unknown,
  shapeOf: (metric: string | undefined) => MetricShape | undefined,
  reading: Reading,
): Goal[] {
  const result: Goal[] = [];
  for (const [index, goal] of (goals ?? []).entries()) {
    if (!goal) continue;
    const path: Path = ["goals", index];
    const read = normaliseGoal(goal, path, tree, shapeOf, reading);
    if (!read) continue;
    if (result.some(({ id }) => id === read.id)) {
      reading.problems.error(path, { message: `the goal \`${read.id}\` comes twice`, mend: "keep one of the two" });
      continue;
    }
    result.push(read);
  }
  return result;
}

function normaliseGoal(
  goal: WrittenGoal,
  path: Path,
  tree: unknown,
  shapeOf: (metric: string | undefined) => MetricShape | undefined,
  { problems }: Reading,
): Goal | undefined {
  const before = problems.count();
  const { metric } = goal;
  refuseUnknown(metric, namesIn(tree, "metrics"), "metrics", [...path, "metric"], problems);
  const form = (Object.keys(LINES) as GoalForm[]).find((each) => goal[each] !== undefined);
  const shape = shapeOf(metric);
  if (!form || !shape || metric === undefined) return undefined;
  if (shape.kind !== "rate" && shape.kind !== "mean") {
    // A quantile was refused already, with the same words.
    if (valueAt(tree, [...path, "quantile"]) !== undefined) return undefined;
    const message = `goals are of rates and means, and \`${shape.name}\` is a ${shape.kind}`;
    problems.error([...path, "metric"], {
      message,
      mend: "name a rate or a mean; a histogram can become a rate of those faster than a limit",
    });
    return undefined;
  }
  if (!shape.grouped && (form === "minIncrease" || form === "minDecrease")) {
    const mistake = {
      message: `\`${shape.name}\` has no groups, so there is no control to compare with`,
      mend: "use `min` or `max`, or give the metric's queries {{group}}",
    };
    problems.error([...path, form], mistake, { at: "key" });
  }
  const line = readLimit(LINES[form], goal[form]!, { metric: shape, quantile: false, versus: "the control" });
  if ("mistake" in line) problems.error([...path, form], line.mistake);
  if ("mistake" in line || problems.count() > before) return undefined;
  return { id: `${metric} ${form} ${limitText(line.limit, shape.unit)}`, metric, limit: line.limit };
}
