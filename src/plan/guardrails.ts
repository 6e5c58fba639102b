import type { Guardrail, Limit, Metric } from "../model/plan.ts";
import { present } from "./audience.ts";
import type { Lenient } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import { namesIn } from "./metrics.ts";
import { refuseUnknown } from "./references.ts";
import type { WrittenPlan } from "./written.ts";

type Written = Lenient<WrittenPlan>;
type WrittenGuardrail = Lenient<WrittenPlan["guardrails"][number]>;

/** The guardrails in their normal form, without those that were in error. `stageNames` is absent when a stage has none. */
export function normaliseGuardrails(
  { guardrails, policy }: Written,
  tree: unknown,
  metrics: Readonly<Record<string, Metric>>,
  stageNames: readonly string[] | undefined,
  reading: Reading,
): Guardrail[] {
  const { problems } = reading;
  const result: Guardrail[] = [];
  for (const [index, guardrail] of (guardrails ?? []).entries()) {
    if (!guardrail) continue;
    const path: Path = ["guardrails", index];
    const before = problems.count();
    const { metric, stages } = guardrail;
    refuseUnknown(metric, namesIn(tree, "metrics"), "metrics", [...path, "metric"], problems);
    for (const [position, name] of (stages ?? []).entries())
      refuseUnknown(name, stageNames, "stages", [...path, "stages", position], problems);
    const limit = limitOf(guardrail);
    const isGrouped = groupsOf(metric, tree, metrics);
    if (limit && isGrouped === false && "amount" in limit) {
      problems.error(
        [...path, limit.form],
        {
          message: `\`${metric}\` has no groups, so there is no control to compare with`,
          mend: "use `max` or `min`, or give the metric's queries {{group}}",
        },
        { at: "key" },
      );
    }
    if (!limit || metric === undefined || problems.count() > before) continue;
    const id = `${metric} ${limit.form} ${limitText(limit)}`;
    if (result.some((other) => other.id === id)) {
      problems.error(path, {
        message: `the guardrail \`${id}\` comes twice`,
        mend: "keep one of the two; one guardrail can name several stages",
      });
      continue;
    }
    const onBreach = guardrail.onBreach ?? (isGrouped === false ? "pause" : policy?.onBreach);
    if (onBreach) result.push({ id, metric, limit, onBreach, ...(stages ? { stages: present(stages) } : {}) });
  }
  return result;
}

/** Whether a metric has groups, also when something else in it is wrong; nothing when it is not known. */
function groupsOf(metric: string | undefined, tree: unknown, metrics: Readonly<Record<string, Metric>>): boolean | undefined {
  if (metric === undefined) return undefined;
  if (Object.hasOwn(metrics, metric)) return metrics[metric]?.grouped;
  const written = valueAt(tree, ["metrics", metric]);
  return isMap(written) ? written.groups !== "none" : undefined;
}

function limitOf(guardrail: WrittenGuardrail): Limit | undefined {
  for (const form of ["max", "min"] as const) {
    const rate = (guardrail as { max?: number; min?: number })[form];
    if (rate !== undefined) return { form, rate };
  }
  for (const form of ["maxIncrease", "maxDecrease"] as const) {
    const { by, amount } = (guardrail as { [Form in typeof form]?: { by?: "ratio" | "points"; amount?: number } })[form] ?? {};
    if (by !== undefined && amount !== undefined) return { form, by, amount };
  }
  return undefined;
}

/** The limit as one would write it: `0.1%`, `0.05pp`. */
function limitText(limit: Limit): string {
  const fraction = "rate" in limit ? limit.rate : limit.amount;
  const unit = "by" in limit && limit.by === "points" ? "pp" : "%";
  return `${Number((fraction * 100).toPrecision(12))}${unit}`;
}
