import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { resolve, sep } from "node:path";
import { RolloutError } from "../errors.ts";
import type { Secret } from "../model/secret.ts";
import type { Redactor } from "./redact.ts";

const MAX_BYTES = 64 * 1024;

export interface SecretPlaces {
  env: Record<string, string | undefined>;
  /** In CI a plan may come from anybody, so only the variables that `ROLLOUT_ENV` lists may be read. */
  ci: boolean;
  /** The plan's folder: secret files lie below it… */
  folder: string;
  /** …or below `ROLLOUT_SECRETS_DIR`, which is looked into first. */
  secretsDirectory?: string | undefined;
  redactor: Redactor;
  /** For the key that signs the ledger, which goes nowhere. */
  signing?: boolean;
}

/** The variable that is meant for signing, and those that prove who runs a job: a plan that could send them would undo them. */
const SIGNING_KEY = "ROLLOUT_SIGNING_KEY";
const OURS = new Set([SIGNING_KEY, "ROLLOUT_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"]);

/**
 * Gives the function that turns a reference into its value, which the redactor then knows. It throws a `RolloutError`
 * (`usage`) that names the reference, never a value: not set, empty, not allowed in CI, not a small regular file below
 * one of the two folders.
 */
export function secretReader(places: SecretPlaces): (secret: Secret) => string {
  return (secret) => {
    const value = secret.from === "env" ? fromEnvironment(secret.name, places) : fromFile(secret.name, places);
    places.redactor.add(value);
    return value;
  };
}

function fromEnvironment(name: string, { env, ci, signing = false }: SecretPlaces): string {
  const isSigningKey = signing && name === SIGNING_KEY;
  if (OURS.has(name) && !isSigningKey) {
    throw new RolloutError("usage", `\${env:${name}} may not be read: it is for rollout alone, and what a plan reads may be sent`, {
      hint: "keep what this field needs in a variable of its own",
    });
  }
  const listed = (env["ROLLOUT_ENV"] ?? "").split(/[\s,]+/).filter((entry) => entry !== "");
  if (ci && !isSigningKey && !listed.includes(name)) {
    throw new RolloutError("usage", `\${env:${name}} may not be read: in CI a plan gets only the variables that ROLLOUT_ENV lists`, {
      hint: `if this plan should have it, set ROLLOUT_ENV="${[...listed, name].join(" ")}" in the job`,
    });
  }
  const value = env[name];
  if (value) return value;
  throw new RolloutError("usage", `\${env:${name}} is ${value === undefined ? "not set" : "empty"}`, {
    hint: `set the environment variable ${name}`,
  });
}

function fromFile(name: string, { folder, secretsDirectory }: SecretPlaces): string {
  const reference = `\${file:${name}}`;
  const places = secretsDirectory ? [secretsDirectory, folder] : [folder];
  const where = secretsDirectory
    ? "the plan's folder or ROLLOUT_SECRETS_DIR"
    : "the plan's folder; set ROLLOUT_SECRETS_DIR for another place";
  const hint = `secret files are small regular files below ${where}`;
  let outside = false;
  for (const place of places) {
    const path = realPath(resolve(place, name));
    if (path === undefined) continue;
    if (isBelow(path, realPath(place) ?? place)) return readSmallFile(path, reference, hint);
    outside = true;
  }
  throw new RolloutError("usage", `${reference} ${outside ? "leads out of the folder that secrets may be in" : "does not exist"}`, {
    hint,
  });
}

/** With all symbolic links followed; nothing when there is nothing. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function isBelow(path: string, place: string): boolean {
  const inside = place.endsWith(sep) ? place : place + sep;
  // A checkout leaves the token it was made with in .git/config.
  return path.startsWith(inside) && !path.slice(inside.length).split(sep).includes(".git");
}

function readSmallFile(path: string, reference: string, hint: string): string {
  const refuse = (problem: string) => new RolloutError("usage", `${reference} ${problem}`, { hint });
  let file: number;
  try {
    // A pipe would block for ever; a link put there since its path was checked is not followed.
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    throw refuse("cannot be opened");
  }
  try {
    if (!fstatSync(file).isFile()) throw refuse("is not a regular file");
    const bytes = Buffer.alloc(MAX_BYTES + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, null);
    if (length > MAX_BYTES) throw refuse("is larger than 64 KB");
    const value = bytes.toString("utf8", 0, length).replace(/\r?\n$/, "");
    if (value === "") throw refuse("is empty");
    return value;
  } finally {
    closeSync(file);
  }
}
