import { describeExposure, describeShare, isOff, sameExposure, union } from "../core/exposure.ts";
import type { FlagBackendTraits } from "../flags/port.ts";
import { EVERYBODY, OFF, type Exposure, type Share } from "../model/exposure.ts";
import type { Stage } from "../model/plan.ts";
import { present, segmentNames } from "./audience.ts";
import type { Lenient } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import { refuseUnknown } from "./references.ts";
import { stageDefaults, type WrittenPlan } from "./written.ts";

type Written = Lenient<WrittenPlan>;
type WrittenStage = Lenient<WrittenPlan["stages"][number]>;

/** The stages in their normal form: exposures add up. Those in error are absent, so that positions stay. */
export function normaliseStages(written: Written["stages"], tree: unknown, reading: Reading): (Stage | undefined)[] {
  const { problems } = reading;
  const testers = hasTesters(tree);
  const names = new Map<string, number>();
  let before: Exposure = OFF;
  return (written ?? []).map((stage, index) => {
    const path: Path = ["stages", index];
    const own = stage === undefined ? undefined : exposureOf(stage, path, testers, tree, reading);
    if (stage === undefined || own === undefined) return undefined;
    const exposure = union(before, own);
    const errors = problems.count();
    if (sameExposure(exposure, before)) {
      problems.error(exposePath(path, tree), nobodyNew(own, before));
    }
    before = exposure;
    const { bake = stageDefaults.bake, minSamples = stageDefaults.minSamples } = typeof stage === "number" ? {} : stage;
    const name = (typeof stage === "number" ? undefined : stage.name) ?? describeExposure(own);
    const first = names.get(name);
    if (first !== undefined && problems.count() === errors) {
      const hasName = valueAt(tree, [...path, "name"]) !== undefined;
      problems.error(hasName ? [...path, "name"] : path, {
        message: `stage ${first + 1} is called \`${name}\` as well`,
        mend: "give each stage a name of its own",
      });
    }
    names.set(name, first ?? index);
    return { name, exposure, bake, minSamples };
  });
}

/** The names of the stages; nothing when one of them could not be read, so that no name can be said to be unknown. */
export function stageNames(stages: readonly (Stage | undefined)[]): string[] | undefined {
  const names = present(stages).map(({ name }) => name);
  return names.length === stages.length && names.length > 0 ? names : undefined;
}

/** Refuses shares that the backend would round: in the stages and in the holdout. */
export function checkGranularity(
  { stages, audience }: Written,
  tree: unknown,
  backend: Pick<FlagBackendTraits, "name" | "granularity">,
  { problems }: Reading,
): void {
  const step = Math.max(1, Math.round((backend.granularity / 100) * EVERYBODY));
  const check = (share: Share | undefined, path: Path) => {
    if (share === undefined || share % step === 0) return;
    const near = Math.max(step, Math.round(share / step) * step);
    const message = `${backend.name} serves shares in steps of ${describeShare(step)}, and ${describeShare(share)} is finer`;
    problems.error(path, { message, mend: `write ${describeShare(near)}` });
  };
  check(audience?.holdout, ["audience", "holdout"]);
  for (const [index, stage] of (stages ?? []).entries()) {
    if (stage === undefined) continue;
    const path = exposePath(["stages", index], tree);
    const expose = typeof stage === "number" ? stage : stage.expose;
    if (typeof expose === "object") check(expose.percent, [...path, "percent"]);
    else check(expose, path);
  }
}

/** What a stage itself exposes, without those before it. */
function exposureOf(stage: WrittenStage, path: Path, testers: boolean, tree: unknown, { problems }: Reading): Exposure | undefined {
  const expose = typeof stage === "number" ? stage : stage.expose;
  if (expose === undefined) return undefined;
  if (typeof expose === "number") return { testers, everyone: expose, segments: {} };
  const known = segmentNames(tree);
  for (const [index, name] of (expose.segments ?? []).entries())
    refuseUnknown(name, known, "segments", [...path, "expose", "segments", index], problems);
  const writtenPercent = valueAt(tree, [...path, "expose", "percent"]);
  if (writtenPercent !== undefined && expose.percent === undefined) return undefined;
  if (expose.segments?.includes(undefined)) return undefined;
  if (expose.segments === undefined) return expose.percent === undefined ? undefined : { testers, everyone: expose.percent, segments: {} };
  const share = expose.percent ?? EVERYBODY;
  const segments = share === 0 ? {} : Object.fromEntries(present(expose.segments).map((name) => [name, share]));
  return { testers, everyone: 0, segments };
}

function exposePath(path: Path, tree: unknown): Path {
  return isMap(valueAt(tree, path)) ? [...path, "expose"] : path;
}

function nobodyNew(own: Exposure, before: Exposure) {
  if (isOff(own))
    return { message: "this stage exposes nobody", mend: "remove it, or name `audience.testers`, who have the feature at 0%" };
  return {
    message: `this stage exposes nobody new: who is in stays in, and ${describeExposure(before)} is in before it`,
    mend: "order the stages so that each exposes more than the one before, or remove this one",
  };
}

function hasTesters(tree: unknown): boolean {
  const testers = valueAt(tree, ["audience", "testers"]);
  return Array.isArray(testers) && testers.length > 0;
}
