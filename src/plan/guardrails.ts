import type { Guardrail, Limit } from "../model/plan.ts";
import { durationText } from "../model/units.ts";
import { present } from "./audience.ts";
import { checkFields, checkProof, type Around, type Subject } from "./guardrailFields.ts";
import type { Lenient } from "./lenient.ts";
import { FORMS, inPercent, isBeyond, limitText, readLimit, type Form } from "./limits.ts";
import { namesIn } from "./metrics.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import type { Mistake } from "./problems.ts";
import type { Reading } from "./reading.ts";
import { refuseUnknown } from "./references.ts";
import type { WrittenPlan } from "./written.ts";

type Written = Lenient<WrittenPlan>;

/** The guardrails in their normal form, without those that were in error. */
export function normaliseGuardrails({ guardrails, policy }: Written, around: Around, reading: Reading): Guardrail[] {
  const { problems } = reading;
  const result: Guardrail[] = [];
  for (const [index, guardrail] of (guardrails ?? []).entries()) {
    if (!guardrail) continue;
    const path: Path = ["guardrails", index];
    const read = normaliseGuardrail(guardrail, path, policy?.onBreach, around, reading);
    if (!read) continue;
    if (result.some(({ id }) => id === read.id)) {
      problems.error(path, {
        message: `the guardrail \`${read.id}\` comes twice`,
        mend: "keep one of the two; one guardrail can name several stages",
      });
      continue;
    }
    result.push(read);
  }
  return result;
}

function normaliseGuardrail(
  guardrail: Subject["guardrail"],
  path: Path,
  policy: Guardrail["onBreach"] | undefined,
  around: Around,
  reading: Reading,
): Guardrail | undefined {
  const { problems } = reading;
  const before = problems.count();
  const { metric, stages } = guardrail;
  refuseUnknown(metric, namesIn(around.tree, "metrics"), "metrics", [...path, "metric"], problems);
  for (const [position, name] of (stages ?? []).entries())
    refuseUnknown(name, around.stageNames, "stages", [...path, "stages", position], problems);

  const form = FORMS.gauge.find((each) => guardrail[each] !== undefined);
  const shape = around.shapeOf(metric);
  if (!form || !shape || metric === undefined) return undefined;
  const subject: Subject = { guardrail, form, shape, comparison: comparisonOf(guardrail, path, around.tree), path };
  checkFields(subject, around, reading);
  const { limit, detect } = readLimits(subject, around.tree, reading);
  if (limit) checkProof(subject, limit, reading);
  const onBreach = guardrail.onBreach ?? (cannotProve(subject) ? "pause" : policy);
  if (!limit || !onBreach || problems.count() > before) return undefined;

  const { quantile, require, proof } = guardrail;
  const past = typeof guardrail.versus === "object" ? guardrail.versus.before : undefined;
  const failures = failuresOf(subject, limit);
  return {
    id: idOf(metric, limit, shape.unit, { quantile, failures, past }),
    metric,
    limit,
    ...(quantile === undefined ? {} : { quantile }),
    ...(failures ? { failures } : {}),
    ...(past === undefined ? {} : { versus: { before: past } }),
    ...(require ? { require } : {}),
    ...(proof ? { proof } : {}),
    ...(detect ? { detect } : {}),
    onBreach,
    ...(stages ? { stages: present(stages) } : {}),
  };
}

/** What a relative limit compares with; nothing when `versus` itself was in error. */
function comparisonOf({ versus }: Subject["guardrail"], path: Path, tree: unknown): Subject["comparison"] {
  const written = valueAt(tree, [...path, "versus"]);
  if (isMap(written)) return "the past";
  return written === undefined || versus === "control" ? "the control" : undefined;
}

/** Reads the limit, and the harm to detect, which is a limit of the same form. */
function readLimits(subject: Subject, tree: unknown, { problems }: Reading): { limit?: Limit; detect?: Limit } {
  const { guardrail, form, shape, comparison, path } = subject;
  const quantile = valueAt(tree, [...path, "quantile"]) !== undefined;
  if (!FORMS[shape.kind].includes(form)) return {};
  const about = { metric: shape, quantile, versus: comparison ?? "the control" };
  const read = (key: Form | "detect") => {
    const written = guardrail[key];
    if (written === undefined) return undefined;
    const reading = readLimit(form, written, about);
    if ("limit" in reading) return reading.limit;
    problems.error([...path, key], reading.mistake);
    return undefined;
  };
  const limit = read(form);
  const detect = shape.kind === "gauge" ? undefined : read("detect");
  const mistake = limit && detect && mistakeOfDetect(detect, limit, shape.unit);
  if (mistake) problems.error([...path, "detect"], mistake);
  return { ...(limit ? { limit } : {}), ...(detect ? { detect } : {}) };
}

/** Harm that is none, or of which nobody can tell whether it is. */
function mistakeOfDetect(detect: Limit, limit: Limit, unit: string | undefined): Mistake | undefined {
  const text = limitText(limit, unit);
  if ("by" in limit && "by" in detect && limit.by !== detect.by) {
    const message = "`detect` is written otherwise than the limit, so nobody can tell which allows more";
    return { message, mend: `write it as the limit is written: ${text}` };
  }
  if (isBeyond(detect, limit)) return undefined;
  const side = limit.form === "min" ? "below" : "above";
  return {
    message: "this is within the limit, and so no harm",
    mend: `write the harm that each stage should be able to see, ${side} ${text}`,
  };
}

/** Whether a breach may be a shared incident, or is told from too few readings, so that by default it only pauses. */
function cannotProve({ shape: { grouped, kind }, comparison }: Subject): boolean {
  return !grouped || comparison === "the past" || kind === "gauge";
}

/** In how many of the last readings a gauge has to be beyond its limit: in the last one, unless the plan says more. */
function failuresOf({ guardrail, shape }: Subject, limit: Limit): Guardrail["failures"] {
  if (shape.kind !== "gauge" || !("value" in limit)) return undefined;
  const { count = 1, of = 1 } = guardrail.failures ?? {};
  return { count, of };
}

function idOf(
  metric: string,
  limit: Limit,
  unit: string | undefined,
  { quantile, failures, past }: { quantile: number | undefined; failures: Guardrail["failures"]; past: number | undefined },
): string {
  return [
    metric,
    ...(quantile === undefined ? [] : [`p${inPercent(quantile)}`]),
    limit.form,
    limitText(limit, unit),
    ...(failures && failures.of > 1 ? [`in ${failures.count} of ${failures.of}`] : []),
    ...(past === undefined ? [] : [`versus ${durationText(past)} before`]),
  ].join(" ");
}
