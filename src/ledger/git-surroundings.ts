import { resolve } from "node:path";
import { RolloutError } from "../errors.ts";
import { gitPlaceOf, parseGitAddress, withoutLogin, type GitPlace } from "./git-address.ts";
import type { StoreTools } from "./port.ts";

/** What git knows where the command runs. Only read: nothing of a checkout is ever changed. */
export interface Surroundings {
  /** The repository's own folder (`.git`), shared by all its worktrees; none outside a checkout. */
  gitFolder: string | undefined;
  objectFormat: string;
  /** Where the ledgers are. */
  place: GitPlace;
  /** How git reaches it: those of its settings that say so, in order. */
  settings: [key: string, value: string][];
}

/** Settings by which a remote is reached. All others (hooks, signatures, filters, what else is pushed) are not ours to follow. */
const REACHING = /^(?:http\.|credential\.|ssh\.|core\.(?:sshcommand|gitproxy|askpass)$|protocol\.version$)/;
const OF_REMOTE = /^(?:proxy|proxyauthmethod|receivepack|uploadpack)$/;
/** The name under which our own repository knows the remote. */
export const REMOTE = "rollout";

/** The oldest version that can be told all its settings by the environment. */
const OLDEST = [2, 32] as const;
const DEADLINE = 20_000;

/** Variables by which a git that runs us (in a hook, an alias) points at its own repository. */
const POINTERS = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_DEFAULT_HASH",
  "GIT_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_NAMESPACE",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_QUARANTINE_PATH",
  "GIT_REPLACE_REF_BASE",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
];

/** The environment of every git that we run: it asks nobody anything and runs no program for an address. */
export function gitEnvironment(env: StoreTools["env"]): Record<string, string | undefined> {
  return {
    ...env,
    ...Object.fromEntries(POINTERS.map((name) => [name, undefined])),
    GIT_TERMINAL_PROMPT: "0",
    GCM_INTERACTIVE: "never",
    GIT_ALLOW_PROTOCOL: "https:http:ssh:git:file",
  };
}

/**
 * Looks around in the folder of the command. Throws `RolloutError`: `usage` where there is no such remote, `unreachable`
 * where git is missing, too old or refuses the checkout.
 */
export async function lookAround(address: string, tools: StoreTools): Promise<Surroundings> {
  const { cwd } = tools;
  const named = parseGitAddress(address, cwd);
  const ask = async (...args: string[]) => {
    const { status, stdout, stderr } = await tools.run("git", args, { cwd, env: gitEnvironment(tools.env), deadline: DEADLINE });
    return { status, text: Buffer.from(stdout).toString("utf8"), words: wordsOf(stderr, tools) };
  };
  const [version, repository, listed, url] = await Promise.all([
    ask("version"),
    ask("rev-parse", "--path-format=absolute", "--git-common-dir", "--show-object-format", "--show-cdup"),
    ask("config", "--list", "-z"),
    named.kind === "remote" ? ask("remote", "get-url", "--push", named.name) : ask("ls-remote", "--get-url", named.place),
  ]);
  refuseOldGit(version.text);
  if (listed.status !== 0) throw new RolloutError("unreachable", `git does not read its settings here: ${listed.words}`);
  const settings = settingsOf(listed.text);
  const [gitFolder, objectFormat, toRoot = ""] = repository.status === 0 ? repository.text.split("\n") : [undefined];
  if (named.kind === "remote" && gitFolder === undefined) throw noCheckout(named.name, repository.words);
  if (url.status !== 0) throw noRemote(address, settings, url.words);
  const place = gitPlaceOf(url.text.trimEnd(), resolve(cwd, toRoot));
  const reaching = settings.flatMap(([key, value]): [string, string][] => {
    if (REACHING.test(key)) return [[key, value]];
    const ofRemote = named.kind === "remote" && key.startsWith(`remote.${named.name}.`) ? key.slice(`remote.${named.name}.`.length) : "";
    return OF_REMOTE.test(ofRemote) ? [[`remote.${REMOTE}.${ofRemote}`, value]] : [];
  });
  hideSecrets(place, reaching, tools);
  return { gitFolder, objectFormat: objectFormat ?? "sha1", place, settings: reaching };
}

/** The output of `git config --list -z`: a key, a line's end and a value; a key alone says true. */
function settingsOf(listed: string): [string, string][] {
  return listed
    .split("\0")
    .filter((each) => each !== "")
    .map((each) => {
      const end = each.indexOf("\n");
      return end === -1 ? [each, "true"] : [each.slice(0, end), each.slice(end + 1)];
    });
}

function hideSecrets({ login }: GitPlace, settings: [string, string][], { hide }: StoreTools): void {
  // Where there is no password to speak of, the token stands in the place of the user's name.
  const secret = login && (["", "x-oauth-basic"].includes(login.password) ? login.username : login.password);
  if (secret !== undefined) hide(secret);
  for (const [key, value] of settings) {
    if (!/^http\.(?:.*\.)?extraheader$/.test(key)) continue;
    const content = value.slice(value.indexOf(":") + 1).trim();
    hide(content);
    hide(content.split(" ").at(-1)!);
  }
}

function refuseOldGit(version: string): void {
  const [, major, minor] = /(\d+)\.(\d+)/.exec(version)?.map(Number) ?? [];
  if (major === undefined || minor === undefined || major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new RolloutError("unreachable", `this is ${version.trim()}; a ledger in a git repository needs git ${OLDEST.join(".")}`, {
    hint: "Install a newer git, or keep the ledger elsewhere with --store.",
  });
}

function noCheckout(remote: string, words: string): RolloutError {
  return new RolloutError("usage", `git:${remote} is a remote of a checkout, and there is none here: ${words}`, {
    hint: "Run the command in the checkout, or name the repository by its address (git:https://host/team.git).",
  });
}

function noRemote(address: string, settings: [string, string][], words: string): RolloutError {
  const names = new Set(settings.flatMap(([key]) => /^remote\.(.+)\.url$/s.exec(key)?.[1] ?? []));
  const known = names.size === 0 ? "It has no remotes" : `It has ${[...names].join(", ")}`;
  return new RolloutError("usage", `the repository has no remote ${withoutLogin(address)}: ${words}`, {
    hint: `${known}. A path is written with its folder: git:./${withoutLogin(address)}.`,
  });
}

/** What git said, as one line: without what it repeats of the other side's colours and bars, and without secrets. */
export function wordsOf(stderr: string, { redact }: StoreTools): string {
  const lines = redact(stderr)
    .split(/[\r\n]+/)
    .map((line) => withoutLogin(line.replace(/[\p{Cc}\p{Cf}]/gu, " ")).trim())
    .filter((line) => line !== "" && line !== "remote:" && !line.startsWith("hint:"));
  const text = lines.join("; ");
  return text === "" ? "git said nothing" : text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
