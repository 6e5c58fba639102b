import { createHash } from "node:crypto";
import { access, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { messageOf, RolloutError } from "../errors.ts";
import type { Ended } from "../io/port.ts";
import { gitEnvironment, lookAround, REMOTE, wordsOf, type Surroundings } from "./git-surroundings.ts";
import type { StoreTools } from "./port.ts";

/**
 * Our own bare repository beside the team's: it holds the ledgers as they were last seen, each as the ref that it is at
 * the remote. In a checkout it lies within `.git`, so that it goes where the checkout goes; elsewhere it lies in the user's
 * cache. The checkout's own objects, refs, index and settings are never touched, so whatever the user's git does at the
 * same time, neither disturbs the other; and being neither shallow nor partial, it needs nothing of a checkout that is.
 */
export interface GitCopy {
  folder: string;
  /** How the store was named. */
  address: string;
  /** As `createHash` knows it. */
  objectFormat: string;
  /** Runs git in it. `deadline` in milliseconds. */
  git(args: readonly string[], options?: { input?: string | Uint8Array; deadline?: number; maxBytes?: number }): Promise<Ended>;
  /** What git said, as it may be shown. */
  words(stderr: string): string;
}

const DEADLINE = 60_000;

/** Opens the copy for an address, and makes it where there is none. Throws like `lookAround`, and `unreachable` where it cannot be made. */
export async function openCopy(address: string, tools: StoreTools): Promise<GitCopy> {
  const around = await lookAround(address, tools);
  const folder = folderFor(around, tools);
  const env = ownEnvironment(around, tools);
  const git: GitCopy["git"] = (args, options = {}) =>
    tools.run("git", args, { name: `git ${args[0]}`, env: { ...env, GIT_DIR: folder }, deadline: DEADLINE, ...options });
  const words = (stderr: string) => wordsOf(stderr, tools);
  await makeRepository(folder, around.objectFormat, { env, run: tools.run, words });
  return { folder, address, objectFormat: around.objectFormat, git, words };
}

/** A remote that moves is another one: what was seen at the old place says nothing about the new. */
function folderFor({ gitFolder, objectFormat, place }: Surroundings, { env }: StoreTools): string {
  const key = createHash("sha256").update(`${objectFormat} ${place.url}`).digest("hex").slice(0, 16);
  if (gitFolder !== undefined) return join(gitFolder, "rollout", key);
  return join(env["XDG_CACHE_HOME"] || join(env["HOME"] || homedir(), ".cache"), "rollout", "git", key);
}

/** Made beside its place and moved there: of several processes that begin at once one succeeds, and nobody sees half of it. */
async function makeRepository(
  folder: string,
  objectFormat: string,
  { env, run, words }: { env: Record<string, string | undefined>; run: StoreTools["run"]; words: GitCopy["words"] },
): Promise<void> {
  if (await exists(folder)) return;
  let made: string | undefined;
  try {
    await mkdir(dirname(folder), { recursive: true });
    made = await mkdtemp(`${folder}.new-`);
    const args = ["init", "--quiet", "--bare", "--template=", `--object-format=${objectFormat}`, made];
    const { status, stderr } = await run("git", args, { env, deadline: DEADLINE });
    if (status !== 0) throw new Error(words(stderr));
    await rename(made, folder);
  } catch (error) {
    if (made !== undefined) await rm(made, { recursive: true, force: true });
    if (error instanceof RolloutError) throw error;
    if (await exists(folder)) return;
    throw new RolloutError("unreachable", `the copy of the ledgers cannot be made in ${dirname(folder)}: ${messageOf(error)}`, {
      cause: error,
      hint: `Make ${dirname(folder)} a folder that can be written: what is fetched is kept there.`,
    });
  }
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * The environment of git in the copy. All its settings are in it: how the remote is reached is the user's, the rest is
 * ours, so that no hook, signature or filter of theirs meets our pushes.
 */
function ownEnvironment({ place, settings }: Surroundings, { env }: StoreTools): Record<string, string | undefined> {
  const login = place.login;
  const own: [string, string][] = [
    [`remote.${REMOTE}.url`, place.url],
    ["core.hooksPath", "/dev/null"],
    ["gc.auto", "2000"],
    ["gc.autoDetach", "false"],
    ["maintenance.auto", "false"],
    ["http.lowSpeedLimit", "1"],
    ["http.lowSpeedTime", "30"],
    ...(place.isPath ? ownServer(env) : []),
    // What the address says of who we are is asked for before all else, and told to nobody else.
    ...(login ? ([[`credential.${new URL(place.url).origin}.helper`, ASK_ENVIRONMENT]] as [string, string][]) : []),
    ...settings.filter(([key]) => login === undefined || !key.startsWith("credential.")),
  ];
  const numbered = own.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${index}`, key],
    [`GIT_CONFIG_VALUE_${index}`, value],
  ]);
  const foreign = Object.keys(env).filter((name) => name.startsWith("GIT_CONFIG"));
  const hasSsh = [env["GIT_SSH_COMMAND"], env["GIT_SSH"]].some(Boolean) || settings.some(([key]) => key === "core.sshcommand");
  return {
    ...gitEnvironment(env),
    ...Object.fromEntries(foreign.map((name) => [name, undefined])),
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_COUNT: String(own.length),
    ...Object.fromEntries(numbered),
    ...(!hasSsh && { GIT_SSH_COMMAND: "ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -o ServerAliveCountMax=2" }),
    ...(login && { ROLLOUT_GIT_USERNAME: login.username, ROLLOUT_GIT_PASSWORD: login.password }),
  };
}

/** A credential helper that answers from its environment. An empty password is none: git then asks whoever is next. */
const ASK_ENVIRONMENT = `!f() { test "$1" = get || exit 0; printf 'username=%s\\n' "$ROLLOUT_GIT_USERNAME"; test -z "$ROLLOUT_GIT_PASSWORD" || printf 'password=%s\\n' "$ROLLOUT_GIT_PASSWORD"; }; f`;

/**
 * At a path, the other side's git is run by ours, and is to find the user's settings again (who may use whose
 * repository). And there is nobody but us to see that what it takes survives a power cut.
 */
function ownServer(env: StoreTools["env"]): [string, string][] {
  const restored = ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"].map((name) => {
    const value = env[name];
    return value === undefined ? `unset ${name}` : `export ${name}='${value.replaceAll("'", "'\\''")}'`;
  });
  const server = (command: string) => [...restored, `exec git ${command}`].join("; ");
  return [
    [`remote.${REMOTE}.receivepack`, server("-c core.fsync=committed,loose-object receive-pack")],
    [`remote.${REMOTE}.uploadpack`, server("upload-pack")],
  ];
}
