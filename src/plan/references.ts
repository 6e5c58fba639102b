import type { Path } from "./path.ts";
import type { Problems } from "./problems.ts";
import { mendName } from "./suggest.ts";

/** Reports a name that nothing has. `known` is absent when the names themselves could not be read. */
export function refuseUnknown(
  name: string | undefined,
  known: readonly string[] | undefined,
  plural: string,
  path: Path,
  problems: Problems,
): boolean {
  if (name === undefined || known === undefined || known.includes(name)) return false;
  problems.error(path, { message: `\`${name}\` is none of the ${plural} of this plan`, mend: mendName(name, known, plural) });
  return true;
}
