import type { FlagTarget } from "../model/flag.ts";
import type { Secret } from "../model/secret.ts";
import type { HttpOptions } from "./http-options.ts";
import { fillHeader, fillJson, fillTree, fillUrl, mentions, type Values } from "./http-template.ts";

/**
 * A command for a shell that switches the flag off: secrets stay references, which the shell resolves. A revision is
 * not known beforehand, so the person reads it first and puts it in.
 */
export function byHandText(options: HttpOptions, target: FlagTarget): string {
  if (options.byHand !== undefined) return options.byHand;
  const { read, write } = options;
  const values: Values = {
    key: target.key,
    percentage: 0,
    revision: "REVISION",
    rollout: "by-hand",
    stage: "off",
    reason: "switched off by hand",
    head: "none",
  };
  const body = write.body ?? undefined;
  const parts = [
    `curl -X ${write.method}`,
    ...credentialsOf(options),
    ...Object.entries(write.headers ?? {}).map(([name, text]) => `-H ${quote(`${name}: ${fillHeader(text, values)}`)}`),
    ...(body === undefined ? [] : [`-H 'Content-Type: application/json'`, `--data ${quote(jsonOf(body, values))}`]),
    quote(fillUrl(write.url ?? read.url, values)),
  ];
  const command = parts.join(" ");
  if (!mentions([write.url ?? "", write.headers ?? {}, body ?? ""], "revision")) return command;
  const where = typeof read.revision === "object" ? `the header ${read.revision.header}` : (read.revision ?? "");
  return `${command} with ${where} of GET ${fillUrl(read.url, values)} for REVISION`;
}

function jsonOf(body: unknown, values: Values): string {
  return typeof body === "string" ? fillJson(body, values) : JSON.stringify(fillTree(body, values));
}

function credentialsOf({ bearer, username, password, headers, ca }: HttpOptions): string[] {
  const parts = Object.entries(headers ?? {}).map(([name, value]) =>
    typeof value === "string" ? `-H ${quote(`${name}: ${value}`)}` : `-H "${name}: ${shellReference(value)}"`,
  );
  if (bearer) parts.push(`-H "Authorization: Bearer ${shellReference(bearer)}"`);
  if (username !== undefined && password) parts.push(`-u ${quote(`${username}:`)}"${shellReference(password)}"`);
  if (ca !== undefined) parts.push(`--cacert ${quote(ca)}`);
  return parts;
}

/** Within double quotes. */
function shellReference({ from, name }: Secret): string {
  return from === "env" ? `$${name}` : `$(cat ${quote(name)})`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
