import type { Audience, Segment } from "../model/plan.ts";
import type { Lenient } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import type { Reading } from "./reading.ts";
import { fillRule, type ReadFile } from "./rules.ts";
import { refuseUnknown } from "./references.ts";
import type { WrittenPlan, WrittenRule } from "./written.ts";

/** The audience in its normal form; nothing when it was in error. */
export async function normaliseAudience(
  written: Lenient<WrittenPlan>["audience"],
  tree: unknown,
  reading: Reading & { readFile: ReadFile },
): Promise<Audience | undefined> {
  if (written === undefined) return undefined;
  const before = reading.problems.count();
  const eligible = await fillRule(written.eligible, ["audience", "eligible"], reading);
  const segments = await normaliseSegments(written.segments ?? {}, reading);
  const names = segmentNames(tree);
  for (const list of ["exclude", "testers"] as const) {
    for (const [index, name] of (written[list] ?? []).entries())
      refuseUnknown(name, names, "segments", ["audience", list, index], reading.problems);
  }
  if (reading.problems.count() > before || written.holdout === undefined) return undefined;
  const { units, traffic, holdout } = written;
  return {
    ...(eligible ? { eligible } : {}),
    exclude: present(written.exclude),
    testers: present(written.testers),
    holdout,
    ...(units === undefined ? {} : { units }),
    ...(traffic === undefined ? {} : { traffic }),
    segments,
  };
}

/** The names of the segments; nothing when they are no map, so that no name can be said to be unknown. */
export function segmentNames(tree: unknown): string[] | undefined {
  const audience = valueAt(tree, ["audience"]);
  const segments = valueAt(tree, ["audience", "segments"]);
  if (isMap(segments)) return Object.keys(segments);
  return (audience === undefined || isMap(audience)) && segments === undefined ? [] : undefined;
}

async function normaliseSegments(
  written: Lenient<WrittenPlan["audience"]["segments"]>,
  reading: Reading & { readFile: ReadFile },
): Promise<Record<string, Segment>> {
  const segments: Record<string, Segment> = {};
  for (const [name, segment] of Object.entries(written)) {
    if (segment === undefined) continue;
    const { units, ...rest } = segment;
    const path: Path = ["audience", "segments", name];
    const rule = await fillRule(rest as Lenient<WrittenRule>, path, reading);
    if (rule) segments[name] = { rule, ...(units === undefined ? {} : { units }) };
  }
  return segments;
}

/** A list without the parts that were in error, which were reported. */
export function present<Item>(list: readonly (Item | undefined)[] | undefined): Item[] {
  return (list ?? []).filter((item) => item !== undefined);
}
