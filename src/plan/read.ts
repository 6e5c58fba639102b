import type { Diagnostic, Range } from "../model/diagnostic.ts";
import type { Plan } from "../model/plan.ts";
import { normaliseAudience, present } from "./audience.ts";
import { checkExpressible, normaliseFlag } from "./flag.ts";
import { normaliseGoals } from "./goals.ts";
import { normaliseGuardrails } from "./guardrails.ts";
import { normaliseHeartbeat } from "./heartbeat.ts";
import { planHash } from "./hash.ts";
import { readLeniently, type Lenient } from "./lenient.ts";
import { lint } from "./lint.ts";
import { normaliseMetrics, normaliseSources } from "./metrics.ts";
import { metricShape } from "./metricShape.ts";
import { valueAt } from "./path.ts";
import { collectProblems } from "./problems.ts";
import type { Catalog, Reading } from "./reading.ts";
import type { ReadFile } from "./rules.ts";
import { refuseStrayReferences } from "./secrets.ts";
import { checkGranularity, normaliseStages, stageNames } from "./stages.ts";
import { readTree } from "./tree.ts";
import { writtenPlanSchema, type WrittenPlan } from "./written.ts";
import { parseYaml } from "./yaml.ts";

/** A plan that may be used, or all that is wrong with it: errors, and warnings that were found on the way. */
export type PlanReading =
  | {
      valid: true;
      plan: Plan;
      /** SHA-256 of the plan, in hex. */
      hash: string;
      warnings: Diagnostic[];
      /** Where each value of the plan stands in the file, by its path: `stages[2].bake`. */
      places: ReadonlyMap<string, Range>;
    }
  | {
      valid: false;
      diagnostics: Diagnostic[];
      /** The name of its rollout, where that much can be read: a run under way is guarded by the plan in its ledger. */
      rollout?: string;
    };

export interface ReadOptions {
  /** The name of the file, for people. */
  file: string;
  catalog: Catalog;
  /** Reads a file that a rule names: its text, or nothing when there is none. What it throws becomes a diagnostic. */
  readFile: ReadFile;
}

/**
 * Reads the text of a plan. It asks for nothing but the files that rules name: no network, no environment, no secrets.
 * Errors are values, all at once; it throws only for a defect of ours.
 */
export async function readPlan(text: string, { file, catalog, readFile }: ReadOptions): Promise<PlanReading> {
  const source = text.replace(/^\uFEFF/, "");
  const problems = collectProblems(file, source);
  const parsed = parseYaml(source, problems);
  if (!parsed) return { valid: false, diagnostics: problems.diagnostics() };

  const tree = readTree(parsed, problems);
  const reading = { problems, secrets: new Set<string>(), catalog, readFile };
  const written = readLeniently(writtenPlanSchema, tree, [], reading);
  const plan = written && (await normalise(written, tree, reading));
  refuseStrayReferences(tree, [], reading);
  if (!plan || problems.count() > 0) {
    return { valid: false, diagnostics: problems.diagnostics(), ...(written?.rollout !== undefined && { rollout: written.rollout }) };
  }

  lint(plan, problems);
  return { valid: true, plan, hash: planHash(plan), warnings: problems.diagnostics(), places: problems.ranges() };
}

type Outside = Reading & { catalog: Catalog; readFile: ReadFile };

/** The second pass over every part, also when the skeleton has errors: what is right is checked against what is right. */
async function normalise(written: Lenient<WrittenPlan>, tree: unknown, reading: Outside): Promise<Plan | undefined> {
  const { flag, backend } = normaliseFlag(written, tree, reading);
  const audience = await normaliseAudience(written.audience, tree, reading);
  if (flag && audience && backend) checkExpressible(flag, audience, backend, reading);
  const { sources, definitions } = normaliseSources(tree, reading);
  const metrics = normaliseMetrics(written.metrics, tree, definitions, reading);
  const stages = normaliseStages(written.stages, tree, reading);
  if (backend) checkGranularity(written, tree, backend, reading);
  const shapeOf = (name: string | undefined) => metricShape(name, written.metrics, tree, definitions);
  const withHistory = Object.values(reading.catalog.sources).flatMap(({ name, history }) => (history ? [name] : []));
  const guardrails = normaliseGuardrails(written, { tree, shapeOf, stageNames: stageNames(stages), withHistory }, reading);
  const goals = normaliseGoals(written.goals, tree, shapeOf, reading);
  const { rollout, owner, hypothesis } = written;
  const policy = policyOf(written.policy);
  const signingKey = valueAt(tree, ["ledger", "signingKey"]);
  const heartbeat = normaliseHeartbeat(written.heartbeat as WrittenPlan["heartbeat"], reading);
  if (!rollout || !flag || !audience || !policy) return undefined;
  return {
    version: 1,
    rollout,
    ...(owner === undefined ? {} : { owner }),
    ...(hypothesis === undefined ? {} : { hypothesis }),
    risks: present(written.risks),
    flag,
    audience,
    sources,
    metrics,
    guardrails,
    goals,
    policy,
    // The ledger keeps the reference as it was written.
    ...(typeof signingKey === "string" ? { ledger: { signingKey } } : {}),
    ...(heartbeat === undefined ? {} : { heartbeat }),
    stages: present(stages),
  };
}

function policyOf(written: Lenient<WrittenPlan["policy"]> | undefined): Plan["policy"] | undefined {
  const { falseRollback, poll, onInconclusive, onBlind, sampleRatio, onNoData } = written ?? {};
  const { hold, then } = onNoData ?? {};
  if (falseRollback === undefined || poll === undefined || !onInconclusive || !onBlind || !sampleRatio) return undefined;
  if (hold === undefined || !then) return undefined;
  return { falseRollback, poll, onInconclusive, onBlind, sampleRatio, onNoData: { hold, then } };
}
