import { parseSecret, type Secret } from "../model/secret.ts";
import type { Reading } from "./reading.ts";

const PATH = ["heartbeat"];

/** The heartbeat as the plan keeps it: its text, a reference unresolved. Reports what is no address; nothing is repeated, since it may be a secret. */
export function normaliseHeartbeat(written: string | Secret | undefined, { problems }: Pick<Reading, "problems">): string | undefined {
  if (written === undefined) return undefined;
  if (typeof written !== "string") return `\${${written.from}:${written.name}}`;
  const problem = problemOf(written);
  if (problem === undefined) return written;
  problems.error(PATH, problem, { hidden: true });
  return undefined;
}

function problemOf(text: string): { message: string; mend: string } | undefined {
  const mend = 'write an address that begins with https://, or a reference to one: "${env:HEARTBEAT_URL}"';
  if (text.includes("${") || parseSecret(text)) return { message: "a reference to a secret is the whole address, or none of it", mend };
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol)) return { message: "expected an address, or a reference to one", mend };
  if (url.username || url.password) return { message: "a user or a password does not belong in an address", mend };
  return undefined;
}
