import type { Limit } from "../model/plan.ts";
import type { Lenient } from "./lenient.ts";
import { FORMS, isRelativeForm, type Form } from "./limits.ts";
import type { MetricShape } from "./metricShape.ts";
import { valueAt, type Path } from "./path.ts";
import { listed } from "./phrases.ts";
import type { Mistake } from "./problems.ts";
import type { Reading } from "./reading.ts";
import type { WrittenPlan } from "./written.ts";

/** Which fields of a guardrail go with which kind of metric and with which form. */

/** A guardrail that is being read. */
export interface Subject {
  /** As far as it could be read, whichever its form. */
  guardrail: Lenient<WrittenPlan["guardrails"][number]> & { [Key in Form]?: string | number | undefined };
  form: Form;
  shape: MetricShape;
  /** What a relative limit compares with; absent when that could not be read. */
  comparison?: "the control" | "the past" | undefined;
  path: Path;
}

/** What the guardrails are checked against. */
export interface Around {
  tree: unknown;
  shapeOf: (metric: string | undefined) => MetricShape | undefined;
  /** Absent when a stage has no name that could be read. */
  stageNames: readonly string[] | undefined;
  /** Types of sources that can be asked for the past. */
  withHistory: readonly string[];
}

export function checkFields(subject: Subject, around: Around, { problems }: Reading): void {
  const { path } = subject;
  const written = (key: string) => valueAt(around.tree, [...path, key]) !== undefined;
  const refuse = (key: string, mistake: Mistake | undefined) => mistake && problems.error([...path, key], mistake, { at: "key" });
  refuse(subject.form, formMistake(subject, written("quantile")) ?? controlMistake(subject));
  if (written("quantile")) refuse("quantile", quantileMistake(subject));
  if (written("failures")) refuse("failures", failuresMistake(subject));
  if (written("versus")) refuse("versus", versusMistake(subject, around));
  if (written("detect")) refuse("detect", detectMistake(subject));
}

/** A form that the kind does not have. */
function formMistake({ form, shape: { name, kind } }: Subject, hasQuantile: boolean): Mistake | undefined {
  const forms = listed(FORMS[kind].map(quoted), "or");
  if (!FORMS[kind].includes(form)) return { message: `\`${name}\` is a ${kind}, which has no \`${form}\``, mend: `write ${forms}` };
  if (kind !== "histogram" || form !== "max" || hasQuantile) return undefined;
  return { message: "the `max` of a histogram is that of a quantile", mend: "add a quantile, such as `quantile: 95%`" };
}

/** A comparison with a control that is not there. */
function controlMistake({ form, shape, comparison }: Subject): Mistake | undefined {
  if (shape.grouped || !isRelativeForm(form) || comparison !== "the control") return undefined;
  const absolute = shape.kind === "histogram" ? "use `max` with a `quantile`" : "use `max` or `min`";
  const past = shape.source?.history === false ? "" : ", compare with the past (`versus: { before: 24h }`)";
  return {
    message: `\`${shape.name}\` has no groups, so there is no control to compare with`,
    mend: `${absolute}${past}, or give the metric's queries {{group}}`,
  };
}

function quantileMistake({ form, shape: { name, kind } }: Subject): Mistake | undefined {
  if (kind === "histogram" || !FORMS[kind].includes(form)) return undefined;
  return {
    message: `\`quantile\` is of histograms, and \`${name}\` is a ${kind}`,
    mend: "remove it, or make the metric a histogram",
  };
}

function failuresMistake({ form, shape: { name, kind } }: Subject): Mistake | undefined {
  if (kind !== "gauge") {
    const message = `\`failures\` counts the readings of a gauge, and \`${name}\` is a ${kind}`;
    return { message, mend: "remove it: what is counted is judged by all that was measured" };
  }
  if (form === "max" || form === "min") return undefined;
  return { message: `\`failures\` goes with \`max\` and \`min\`, not with \`${form}\``, mend: "remove it" };
}

function versusMistake({ form, shape, comparison }: Subject, { withHistory }: Around): Mistake | undefined {
  if (!isRelativeForm(form)) {
    const other = FORMS[shape.kind].includes("maxDecrease") ? "`maxIncrease` or `maxDecrease`" : "`maxIncrease`";
    return { message: `\`${form}\` is compared with nothing, so it has no \`versus\``, mend: `remove it, or use ${other}` };
  }
  if (comparison !== "the past" || shape.source?.history !== false) return undefined;
  const sources = withHistory.length === 0 ? "" : ` (${withHistory.join(", ")})`;
  return {
    message: `a ${shape.source.name} source has no history, so nobody knows what \`${shape.name}\` was before`,
    mend: `compare with the control, or ask a source with history${sources}`,
  };
}

/** How much a stage can see is told by the requests that it has, where what is judged is counted and its rate can be assumed. */
function detectMistake({ guardrail, comparison, shape: { name, kind } }: Subject): Mistake | undefined {
  if (kind === "gauge") return { message: `\`detect\` is of what is counted, and \`${name}\` is a gauge`, mend: "remove it" };
  if (guardrail.quantile !== undefined)
    return { message: "how much of a quantile can be detected depends on the values themselves", mend: "remove `detect`" };
  if (comparison !== "the past") return undefined;
  return { message: "how much can be detected is only known against a control or a fixed limit", mend: "remove `detect`" };
}

/** The stricter test is that of a rate, and of a histogram bucket by bucket, against the control; all others have but one. */
export function checkProof({ guardrail, shape, comparison, path }: Subject, limit: Limit, { problems }: Reading): void {
  const isRatio = "by" in limit && limit.by === "ratio" && guardrail.quantile === undefined && comparison !== "the past";
  if (guardrail.proof === undefined || (isRatio && (shape.kind === "rate" || shape.kind === "histogram"))) return;
  const message = "only the ratio of a rate or a histogram to the control's has a stricter test";
  const mend = shape.kind === "rate" ? "remove it, or write the limit as such a ratio: `maxIncrease: 20%`" : "remove it";
  problems.error([...path, "proof"], { message, mend }, { at: "key" });
}

function quoted(form: Form): string {
  return `\`${form}\``;
}
