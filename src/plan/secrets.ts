import { z } from "zod";
import { parseSecret } from "../model/secret.ts";
import { pathText, type Path } from "./path.ts";
import type { Reading } from "./reading.ts";

/**
 * `secret`: a reference and nothing else; `either`: a reference or a plain text; `plain`: no reference; `opaque`: it is
 * for another schema to say.
 */
type SecretKind = "secret" | "either" | "plain" | "opaque";

const kinds = new WeakMap<z.core.$ZodType, SecretKind>();

/** What a field takes. A field is asked by example, so that it is known under whatever it is wrapped in. */
function secretKind(schema: z.core.$ZodType): SecretKind {
  const known = kinds.get(schema);
  if (known) return known;
  const { type } = schema._zod.def;
  const reference = z.core.safeParse(schema, "${env:EXAMPLE}");
  const data: unknown = reference.success ? reference.data : undefined;
  const takesReference = typeof data === "object" && data !== null && "from" in data && "name" in data;
  const isOpaque = type === "unknown" || type === "any";
  const kind = isOpaque ? "opaque" : !takesReference ? "plain" : z.core.safeParse(schema, "example").success ? "either" : "secret";
  kinds.set(schema, kind);
  return kind;
}

/** Whether a field may hold a reference to a secret. */
export function takesSecret(schema: z.core.$ZodType): boolean {
  const kind = secretKind(schema);
  return kind === "secret" || kind === "either";
}

/**
 * Looks at a value with an eye on secrets: a reference is noted where it may stand and reported where it may not, and
 * anything else where a secret may stand is printed nowhere, since it may be the secret itself. True when the value was
 * reported, and need not be looked at any more.
 */
export function refusesSecret(schema: z.core.$ZodType, value: unknown, path: Path, reading: Reading): boolean {
  const { problems, secrets } = reading;
  const kind = secretKind(schema);
  if (kind === "opaque") return false;
  if (kind === "plain") return refusesReference(value, path, reading);
  if (typeof value === "string" && parseSecret(value)) {
    secrets.add(pathText(path));
    return false;
  }
  problems.hide(path);
  if (kind === "either" && typeof value === "string") return false;
  const key = String(path.at(-1));
  const mistake =
    kind === "either"
      ? { message: `\`${key}\` takes text, or a reference to a secret`, mend: "put the text in quotes" }
      : {
          message: `\`${key}\` is a secret: a plan holds a reference to it, never itself`,
          mend: `write a reference and nothing else, such as "\${env:TOKEN}" or "\${file:token.txt}"; if it was a real secret, replace it`,
        };
  problems.error(path, mistake, { hidden: true });
  problems.close(path);
  return true;
}

function refusesReference(value: unknown, path: Path, { problems, secrets }: Reading): boolean {
  if (typeof value !== "string" || !/\$\{(env|file):/.test(value) || secrets.has(pathText(path))) return false;
  problems.error(path, {
    message: "this field takes no reference to a secret: it would stand there literally",
    mend: "write the value itself; references (`${env:…}`, `${file:…}`) belong in fields made for secrets, as the whole value",
  });
  return true;
}

/** Reports every reference to a secret that no field took, also where no schema looks. */
export function refuseStrayReferences(value: unknown, path: Path, reading: Reading): void {
  if (typeof value !== "object" || value === null) {
    refusesReference(value, path, reading);
    return;
  }
  const children: [string | number, unknown][] = Array.isArray(value) ? [...value.entries()] : Object.entries(value);
  for (const [step, child] of children) refuseStrayReferences(child, [...path, step], reading);
}
