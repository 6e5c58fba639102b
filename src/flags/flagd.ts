import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { RolloutError } from "../errors.ts";
import type { Files } from "../io/port.ts";
import type { Exposure } from "../model/exposure.ts";
import type { FlagTarget } from "../model/flag.ts";
import { getIn, isObject, JsonSyntaxError, setAll, type Json } from "./flagd-json.ts";
import { inexpressibleRules } from "./flagd-rules.ts";
import { compileTargeting, readTargeting, variantNames } from "./flagd-targeting.ts";
import { Conflict, defineFlagBackend } from "./port.ts";

const MAX_BYTES = 5 * 1024 * 1024;

/** The key in the flag's metadata that counts our writes. */
const COUNTER = "rolloutRevision";

/**
 * A flagd flag definition file: read by flagd itself, or in the process by an OpenFeature provider. The check of the
 * revision and the replacement of the file are two steps, so a writer that stops between them can overwrite another.
 */
export const flagd = defineFlagBackend({
  name: "flagd",
  options: z.strictObject({
    file: z
      .string()
      .refine((file) => !/\.ya?ml$/i.test(file), "a flag file in YAML is not supported: convert it to JSON, which flagd reads as well"),
  }),
  granularity: 0.001,
  concurrency: "bestEffort",
  propagation: 0,
  cannotExpress: (target) => [...inexpressibleRules(target), ...collidingNames(target)],
  connect: ({ file }, { files }) => ({
    async read(target) {
      const { definition, revision } = await readFlag(files, file, target);
      return { ...readTargeting(target, definition), revision };
    },
    async write(target, exposure, ifRevision) {
      const { text, definition, revision } = await readFlag(files, file, target);
      if (revision !== ifRevision) {
        throw new Conflict(`the flag ${target.key} in ${file} is at revision ${revision}, not ${ifRevision}`);
      }
      const changed = new TextEncoder().encode(setAll(text, changesFor(file, target, exposure, definition)));
      // A file that could be written but not read again could not be rolled back.
      if (changed.length > MAX_BYTES) {
        const hint = "split the file, or shorten the lists of the plan's segments";
        throw new RolloutError("refused", `the flag file ${file} would be larger than ${MAX_BYTES} bytes`, { hint });
      }
      await files.replace(file, changed);
    },
    byHand: ({ key, control }) =>
      `in ${file}, under "flags" → ${JSON.stringify(key)}, set "state": "ENABLED", "defaultVariant": ${JSON.stringify(control)} and "targeting": {}`,
  }),
});

async function readFlag(files: Files, file: string, target: FlagTarget) {
  const bytes = await files.read(file, { maxBytes: MAX_BYTES });
  if (!bytes) {
    throw new RolloutError("unreachable", `there is no flag file ${file}`, {
      hint: `create it with {"flags":{}}, or name the file that your services read`,
    });
  }
  const text = decode(file, bytes);
  const flags = parsed(file, () => getIn(text, ["flags"]));
  if (!isObject(flags)) {
    throw new RolloutError("unreachable", `the flag file ${file} has no object "flags"`, {
      hint: `a flag file without flags is {"flags":{}}`,
    });
  }
  const definition = Object.hasOwn(flags, target.key) ? flags[target.key] : undefined;
  return { text, definition, revision: revisionOf(definition) };
}

function decode(file: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new RolloutError("unreachable", `the flag file ${file} is not UTF-8`, { hint: "nothing was changed; save it as UTF-8", cause });
  }
}

function parsed<T>(file: string, parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof JsonSyntaxError)) throw cause;
    throw new RolloutError(
      "unreachable",
      `the flag file ${file} is not JSON: line ${cause.line}, column ${cause.column}: ${cause.message}`,
      {
        hint: "nothing was changed; mend the file, and check that the services still have their flags",
        cause,
      },
    );
  }
}

/** The counter tells two writes of the same content apart, the hash shows an edit by hand that left the counter alone. */
function revisionOf(definition: Json | undefined): string {
  if (definition === undefined) return "absent";
  const hash = createHash("sha256").update(JSON.stringify(definition)).digest("hex").slice(0, 16);
  return `${counterOf(definition)}-${hash}`;
}

function counterOf(definition: Json | undefined): number {
  const metadata = isObject(definition) ? definition.metadata : undefined;
  const counter = isObject(metadata) && Object.hasOwn(metadata, COUNTER) ? metadata[COUNTER] : undefined;
  return typeof counter === "number" && Number.isSafeInteger(counter) ? counter : 0;
}

type Change = [path: string[], value: Json];

/** What to set in the file, so that the flag says `exposure` and all else stays. */
function changesFor(file: string, target: FlagTarget, exposure: Exposure, definition: Json | undefined): Change[] {
  const { targeting, variants } = compileTargeting(target, exposure);
  const at = (...path: string[]): string[] => ["flags", target.key, ...path];
  const values = definition === undefined ? { treatment: true, control: false } : existingValues(file, target, definition);
  // Off serves nothing but the control, and must be written whatever else is wrong with the flag.
  const off = isDeepStrictEqual(targeting, {});
  const needed = Object.entries(variants).filter(([name]) => !off || name === target.control || definition === undefined);
  const valueOf = (name: string, group: "treatment" | "control"): Json => {
    const value = values[group];
    if (value !== undefined) return value;
    throw refusal(file, target, `has no variant "${target[group]}", so that the value of "${name}" is not known`);
  };
  if (!off && isDeepStrictEqual(values.treatment, values.control)) {
    throw refusal(file, target, `has the same value in "${target.treatment}" and "${target.control}"`);
  }
  const additions = needed.map(([name, group]): [string, Json] => [name, valueOf(name, group)]);
  const settings = { state: "ENABLED", defaultVariant: target.control, targeting };
  const counter = counterOf(definition) + 1;

  if (definition === undefined) {
    const { state, ...others } = settings;
    return [[at(), { state, variants: Object.fromEntries(additions), ...others, metadata: { [COUNTER]: counter } }]];
  }
  const metadata = isObject(definition) ? definition.metadata : undefined;
  return [
    ...Object.entries(settings).map(([key, value]): Change => [at(key), value]),
    ...additions.map(([name, value]): Change => [at("variants", name), value]),
    isObject(metadata) ? [at("metadata", COUNTER), counter] : [at("metadata"), { [COUNTER]: counter }],
  ];
}

function existingValues(file: string, target: FlagTarget, definition: Json): { treatment: Json | undefined; control: Json | undefined } {
  const variants = isObject(definition) ? definition.variants : undefined;
  if (!isObject(variants)) throw refusal(file, target, "has no variants");
  const valueOf = (name: string) => (Object.hasOwn(variants, name) ? variants[name] : undefined);
  return { treatment: valueOf(target.treatment), control: valueOf(target.control) };
}

function refusal(file: string, target: FlagTarget, fault: string): RolloutError {
  return new RolloutError("refused", `the flag ${target.key} in ${file} ${fault}`, {
    hint: `give the flag the variants "${target.treatment}" and "${target.control}" with the values that your code expects, or name its own variants in the plan`,
  });
}

/** Names that would stand for two groups of people: a segment named `tester`, or a treatment named `off-rest`. */
function collidingNames(target: FlagTarget): string[] {
  const { segment, ...fixed } = variantNames(target);
  const names = [target.treatment, target.control, ...Object.values(fixed), ...Object.keys(target.audience.segments).map(segment)];
  const twice = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return [...twice].map((name) => `two groups of users would share the variant name "${name}": rename the segment or the variants`);
}
