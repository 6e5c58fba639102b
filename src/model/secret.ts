import { z } from "zod";

/** Where a secret is, never what it is. `reveal` (in the tools an adapter is handed) turns it into its value. */
export interface Secret {
  readonly from: "env" | "file";
  /** The name of the environment variable, or the path of the file below the plan's folder. */
  readonly name: string;
}

const referencePattern = /^\$\{(env):([A-Za-z_][A-Za-z0-9_]*)\}$|^\$\{(file):([^{}$]+)\}$/;

/** The reference that a whole text is, such as `${env:TOKEN}`; nothing when it is not one. */
export function parseSecret(text: string): Secret | undefined {
  const match = referencePattern.exec(text);
  if (!match) return undefined;
  return match[1] ? { from: "env", name: match[2]! } : { from: "file", name: match[4]! };
}

/** A field whose whole value is a reference to a secret. The value itself in a plan is refused. */
export function secret() {
  return z.string().transform((text, context): Secret => {
    const reference = parseSecret(text);
    if (reference) return reference;
    context.addIssue({
      code: "custom",
      message: "expected a reference to a secret, such as ${env:TOKEN} or ${file:token.txt}, and nothing else",
    });
    return z.NEVER;
  });
}
