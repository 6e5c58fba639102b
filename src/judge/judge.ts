import type { GuardrailQuestion, Judge } from "../model/judge.ts";
import type { Evidence, Verdict, VerdictKind } from "../model/verdict.ts";
import { admit, type Admitted } from "./admission.ts";
import { methodFor } from "./choose.ts";
import { resume, understands, weigh, withSteps, type KeptEvidence } from "./evidence.ts";
import { judgeGoal } from "./goals.ts";
import type { Figures, Method, Step } from "./method.ts";
import { rounded } from "./round.ts";
import { breachSentence, clearSentence, inconclusiveSentence, measured, type Findings, type Subject } from "./sentences.ts";
import { judgeSplit } from "./split.ts";
import { addValues, countsIn, sizeOf } from "./values.ts";

export { limitAlreadyBroken } from "./preflight.ts";

/** The judge: what the numbers of a look say about guardrails, goals and the split. */
export const judge: Judge = {
  version: "dab/1",
  guardrail: (question) => judgeGuardrail(question),
  goal: judgeGoal,
  split: judgeSplit,
  understands({ guardrail, metric, evidence }) {
    const choice = methodFor({ metricName: guardrail.metric, metric, guardrail });
    // A method that depends on what is measured is not known yet; that it understands the evidence shows when it is.
    return "method" in choice ? understands(evidence, choice.method) : choice.verdict === "inconclusive";
  },
};

/**
 * The same judge in as few words as its decisions need, for whoever asks it millions of times: evidence, kinds of verdicts
 * and what they need are the same; sentences are empty, figures are left out.
 */
export const judgeInBrief: Judge = { ...judge, guardrail: (question) => judgeGuardrail(question, true) };

type Judged = ReturnType<Judge["guardrail"]>;

/**
 * Judges one guardrail at one look.
 * - A breach stands as long as the evidence says so, whatever this look could read: rolling back needs no metric source.
 * - A reading that cannot be judged leaves the evidence as it was, but for what it teaches of the noise.
 */
function judgeGuardrail(question: GuardrailQuestion, brief = false): Judged {
  const { guardrail, metric, reading, exposure, split, stage, bounds, baseline } = question;
  const { metric: metricName } = guardrail;
  const choice = methodFor({ metricName, metric, guardrail, bounds, baseline });
  if (!("method" in choice)) return withoutMethod(question, choice);

  const { method } = choice;
  const before = resume(question.evidence, method, stage, question.alpha);
  const admitted = admit({ metric, metricName, reading, exposure, split, compares: method.compares });
  const stepped = withSteps(taught(before, method, admitted), method, admitted.kind === "steps" ? admitted.steps : []);
  const { evidence, weighed } = weigh(stepped, method, question.bakeOver);

  const sizes = method.sizes({ sums: evidence.sums, looks: evidence.looks, weighed, alpha: evidence.alpha, bakeOver: question.bakeOver });
  const kind: VerdictKind = weighed.breach
    ? "breach"
    : admitted.kind === "nothing"
      ? admitted.verdict
      : weighed.clear
        ? "clear"
        : "inconclusive";
  const verdict: Verdict = {
    guardrail: guardrail.id,
    metric: metricName,
    verdict: kind,
    sentence: "",
    ...(sizes.needs !== undefined && { needs: sizes.needs }),
    ...(kind === "breach" && weighed.shared && { sharedIncident: true as const }),
  };
  if (brief) return { verdict, evidence };

  const figures = method.figures(evidence.sums, evidence.memory);
  const subject: Subject = { metricName, form: guardrail.limit.form, grouped: metric.grouped, compares: method.compares, figures };
  const threshold = -Math.log(evidence.alpha);
  const { noise, autocorrelation } = weighed;
  const found: Findings = { weighed, threshold };
  const sentence = (): string => {
    if (weighed.breach) return breachSentence(subject, { ...found, note: noteOn(admitted, subject, method, evidence) });
    if (admitted.kind === "nothing") return admitted.reason;
    return weighed.clear ? clearSentence(subject, found) : inconclusiveSentence(subject, found, sizes.more);
  };
  const told: Verdict = {
    ...verdict,
    sentence: sentence(),
    ...numbersOf(figures, evidence),
    ...(weighed.harm !== undefined && { evidence: rounded(weighed.harm) }),
    ...(weighed.within !== undefined && { within: rounded(weighed.within) }),
    threshold: rounded(threshold),
    ...(kind === "inconclusive" && sizes.more !== undefined && { moreRequests: sizes.more }),
    ...(noise && { noise }),
    ...(autocorrelation && { autocorrelation }),
  };
  return { verdict: told, evidence };
}

/** A limit that nothing can be said of yet, or at all: the evidence waits. */
function withoutMethod(
  { guardrail, evidence, alpha }: GuardrailQuestion,
  { verdict, reason }: { verdict: VerdictKind; reason: string },
): Judged {
  return {
    verdict: { guardrail: guardrail.id, metric: guardrail.metric, verdict, sentence: reason },
    evidence: evidence ?? ({ alpha } satisfies Evidence),
  };
}

/** What intervals without the feature teach of the noise; nothing any more once a breach stands, which is not explained away. */
function taught(evidence: KeptEvidence, method: Method, admitted: Admitted): KeptEvidence {
  const stands = (evidence.logE?.harm ?? 0) >= -Math.log(evidence.alpha);
  if (admitted.kind === "steps" || admitted.teaches.length === 0 || stands) return evidence;
  return { ...evidence, memory: admitted.teaches.reduce((memory, control) => method.calibrate(memory, control), evidence.memory) };
}

/** Estimate, interval, limit and counts as numbers. */
function numbersOf({ estimate, interval, limit }: Figures, { sums }: KeptEvidence): Partial<Verdict> {
  const finite = interval?.every(Number.isFinite) ? interval : undefined;
  const tally = (value: typeof sums.treatment) => ({
    ...(value && "total" in value && { events: countsIn(value).events }),
    total: sizeOf(value),
  });
  return {
    ...(estimate !== undefined && { estimate: rounded(estimate) }),
    ...(finite && { interval: [rounded(finite[0]), rounded(finite[1])] as [number, number] }),
    limit: rounded(limit),
    ...(sums.treatment && { counts: { treatment: tally(sums.treatment), ...(sums.control && { control: tally(sums.control) }) } }),
  };
}

/** What the sums of the stage do not show: that this look added nothing, or that the harm began late and lies in it. */
function noteOn(admitted: Admitted, subject: Subject, method: Method, { memory }: KeptEvidence): string | undefined {
  if (admitted.kind === "nothing") return admitted.reason;
  if (subject.figures.beyond || admitted.steps.length === 0) return undefined;
  const figures = method.figures(admitted.steps.reduce(addSteps), memory);
  return figures.beyond ? `since the last look alone: ${measured({ ...subject, figures })}` : undefined;
}

function addSteps(sum: Step, { treatment, control }: Step): Step {
  return { ...sum, treatment: addValues(sum.treatment, treatment), control: addValues(sum.control, control) };
}
