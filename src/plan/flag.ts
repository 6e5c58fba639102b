import { traitsOf, type FlagBackendDefinition, type FlagBackendTraits } from "../flags/port.ts";
import type { AdapterOptions, Audience, Flag } from "../model/plan.ts";
import { readAdapter } from "./adapters.ts";
import { segmentNames } from "./audience.ts";
import type { Lenient } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import { splitSentence } from "./phrases.ts";
import type { Catalog, Reading } from "./reading.ts";
import type { WrittenPlan } from "./written.ts";

type Written = Lenient<WrittenPlan>;

/** The flag in its normal form (nothing when it was in error), and its backend if it is known what that can do. */
export function normaliseFlag(
  written: Written,
  tree: unknown,
  reading: Reading & { catalog: Catalog },
): { flag?: Flag; backend?: FlagBackendTraits } {
  const before = reading.problems.count();
  const definition = readAdapter(tree, ["flag", "backend"], reading.catalog.flags, "flag backends", reading);
  const backend = definition && knownTraits(definition, valueAt(tree, ["flag", "backend"]));
  checkVariants(written, tree, reading);
  const { flag } = written;
  if (!flag || !definition || !backend) return backend ? { backend } : {};
  const key = flag.key ?? written.rollout;
  const { treatment, control, writeWithin } = flag;
  const isWhole = reading.problems.count() === before && key && treatment && control && writeWithin;
  if (!isWhole) return { backend };
  const attribute = flag.unit?.attribute;
  return {
    backend,
    flag: {
      backend: valueAt(tree, ["flag", "backend"]) as AdapterOptions,
      key,
      treatment,
      control,
      ...(attribute === undefined ? {} : { unit: { attribute } }),
      propagation: flag.propagation ?? definition.propagation,
      writeWithin,
    },
  };
}

/** Nothing when what it can do depends on options that are in error. */
function knownTraits(definition: FlagBackendDefinition, written: unknown): FlagBackendTraits | undefined {
  const { type: _, ...own } = written as AdapterOptions;
  const options = definition.options.safeParse(own);
  if (options.success) return traitsOf(definition, options.data);
  const { name, granularity, concurrency } = definition;
  return definition.traits ? undefined : { name, granularity, concurrency, cannotExpress: () => [] };
}

/**
 * Users outside the randomised split are served variants with names of their own, so that their traffic has its own
 * label. Two groups under one name could not be told apart.
 */
function checkVariants({ flag }: Written, tree: unknown, { problems }: Reading): void {
  const { treatment, control } = flag ?? {};
  if (treatment === undefined || control === undefined) return;
  const at = (key: "treatment" | "control"): Path => [
    "flag",
    valueAt(tree, ["flag", key]) === undefined && key === "treatment" ? "control" : key,
  ];
  if (treatment === control) {
    problems.error(at("treatment"), {
      message: `treatment and control are the same variant, \`${treatment}\``,
      mend: "name two variants of the flag: the one with the feature, and the one without",
    });
    return;
  }
  const audience = valueAt(tree, ["audience"]);
  const segments = segmentNames(tree) ?? [];
  const rules = isMap(audience) && ["eligible", "exclude", "testers", "holdout", "segments"].some((key) => Object.hasOwn(audience, key));
  if (!rules) return;
  const reserved = [
    ...["ineligible", "holdout", "excluded", "rest"].map((group) => `${control}-${group}`),
    `${treatment}-tester`,
    ...segments.map((name) => `${treatment}-${name}`),
  ];
  for (const key of ["treatment", "control"] as const) {
    const name = key === "treatment" ? treatment : control;
    if (reserved.includes(name)) {
      problems.error(at(key), {
        message: `\`${name}\` is also the name of the variant that users outside the comparison are served`,
        mend: "name the variants otherwise",
      });
    }
  }
  for (const [index, name] of reserved.entries()) {
    if (reserved.indexOf(name) === index) continue;
    const segment = segments[index - (reserved.length - segments.length)] ?? "";
    problems.error(
      ["audience", "segments", segment],
      {
        message: `the segment \`${segment}\` would be served the variant \`${name}\`, as others are already`,
        mend: "name the segment otherwise",
      },
      { at: "key" },
    );
  }
}

/** Says what of the flag and its audience the backend cannot do. */
export function checkExpressible(flag: Flag, audience: Audience, backend: FlagBackendTraits, { problems }: Reading): void {
  const { backend: _, ...target } = flag;
  for (const sentence of backend.cannotExpress({ ...target, audience })) {
    const mistake = splitSentence(sentence, `say it in a way that ${backend.name} can, or use another flag backend`);
    problems.error(["flag", "backend"], mistake, { also: true, at: "key" });
  }
}
