import type { z } from "zod";
import type { FlagBackendDefinition } from "../flags/port.ts";
import type { MetricSourceDefinition } from "../metrics/port.ts";
import { readLeniently } from "./lenient.ts";
import { isMap, valueAt, type Path } from "./path.ts";
import { mendName } from "./suggest.ts";
import type { Reading } from "./reading.ts";

/**
 * The second pass: what the skeleton left opaque is read by the schema of the adapter that it names. The plan keeps it
 * as it is written, for the adapter to read again when it connects.
 */
export function readAdapter<Definition extends FlagBackendDefinition | MetricSourceDefinition>(
  tree: unknown,
  path: Path,
  definitions: Readonly<Record<string, Definition>>,
  plural: string,
  reading: Reading,
): Definition | undefined {
  const options = valueAt(tree, path);
  if (!isMap(options) || typeof options.type !== "string") {
    leaveAlone(options, path, reading);
    return undefined;
  }
  const { type, ...own } = options;
  const definition = Object.hasOwn(definitions, type) ? definitions[type] : undefined;
  if (!definition) {
    const mend = mendName(type, Object.keys(definitions), plural);
    reading.problems.error([...path, "type"], { message: `\`${type}\` is none of the ${plural} that there are`, mend });
    leaveAlone(options, path, reading);
    return undefined;
  }
  readLeniently(definition.options, own, path, reading);
  return definition;
}

/** Options that nobody can read may hold secrets under any key, and no reference in them is known to be out of place. */
function leaveAlone(options: unknown, path: Path, { problems }: Reading): void {
  if (!isMap(options)) return;
  for (const key of Object.keys(options)) {
    if (key === "type") continue;
    problems.hide([...path, key]);
    problems.close([...path, key]);
  }
}

/** Reads one number's query by the source's schema. */
export function readQuery(tree: unknown, path: Path, schema: z.ZodType, reading: Reading): void {
  const query = valueAt(tree, path);
  if (isMap(query)) readLeniently(schema, query, path, reading);
}
