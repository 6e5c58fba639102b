import { access } from "node:fs/promises";
import { join } from "node:path";
import { RolloutError } from "../errors.ts";
import { withoutLogin } from "./git-address.ts";
import type { GitCopy } from "./git-copy.ts";
import { removeStaleLocks } from "./git-locks.ts";
import { damaged, follow, NO_HISTORY, refOf, removing } from "./git-history.ts";
import { isName } from "./names.ts";
import { REMOTE } from "./git-surroundings.ts";

/** Fetches of two processes can meet at a ref of the copy; the loser tries again. */
const ATTEMPTS = 4;
const DEADLINE = 5 * 60_000;
/** Where git looks when a ref is not there, so that a branch of the name `refs/rollout/NAME` would be taken for a ledger. */
const NOT_MEANT = ["^refs/refs/*", "^refs/tags/refs/*", "^refs/heads/refs/*", "^refs/remotes/refs/*"];

/**
 * Brings the named ledgers into the copy, with one round trip, and gives the last commit of each; one that nobody has
 * written to has none. In the copy a ref only ever moves forward: so it is remembered what was seen, and a ledger that
 * vanished or went back since is damage, in whatever process. Throws `RolloutError` (`damaged`, `unreachable`).
 */
export async function fetchHeads(copy: GitCopy, names: readonly string[]): Promise<Map<string, string>> {
  let asked = [...new Set(names)];
  for (let attempt = 1; asked.length > 0; attempt++) {
    const fetched = await fetchRefs(copy, asked);
    const seen = await seenHeads(copy);
    await refuseShallow(copy);
    if (fetched.status === 0 && asked.every((name) => seen.has(name))) return new Map([...seen].filter(([name]) => asked.includes(name)));
    // A ref that is not there fails the whole fetch, as much else does: what is there tells which it was.
    const there = await headsThere(copy);
    for (const name of asked) if (!there.has(name) && seen.has(name)) throw vanished(copy, name, seen.get(name)!);
    const present = asked.filter((name) => there.has(name));
    if (present.length === asked.length) {
      for (const name of present) await refuseRewritten(copy, name, seen.get(name), there.get(name)!);
      // The remote answers, so that it may well be the copy that broke.
      await removeStaleLocks(copy);
      if (attempt >= ATTEMPTS) throw unreachable(copy, "be fetched", fetched.stderr, `See what git says; or ${removing(copy)}`);
      await pauseBefore(attempt);
    }
    asked = present;
  }
  return new Map();
}

function fetchRefs(copy: GitCopy, names: readonly string[]) {
  const args = [
    "fetch",
    "--quiet",
    "--no-tags",
    "--no-prune",
    "--no-recurse-submodules",
    "--no-write-fetch-head",
    "--update-shallow",
    "--stdin",
    REMOTE,
  ];
  const refspecs = [...names.map((name) => `${refOf(name)}:${refOf(name)}`), ...NOT_MEANT];
  return copy.git(args, { input: `${refspecs.join("\n")}\n`, deadline: DEADLINE });
}

/** From a remote that has no more itself, git fetches the end of a history in silence; then it says so in a file of the copy. */
async function refuseShallow(copy: GitCopy): Promise<void> {
  const isShallow = await access(join(copy.folder, "shallow")).then(
    () => true,
    () => false,
  );
  if (!isShallow) return;
  throw new RolloutError(
    "unreachable",
    `the repository git:${withoutLogin(copy.address)} is shallow: it has the end of the ledgers alone`,
    {
      hint: `Fetch the rest there (git fetch --unshallow). Then ${removing(copy)}`,
    },
  );
}

/** The last commit of every ledger at the remote, by name. */
export async function headsThere(copy: GitCopy): Promise<Map<string, string>> {
  const { status, stdout, stderr } = await copy.git(["ls-remote", "--quiet", "--refs", REMOTE, `${refOf("*")}`]);
  if (status !== 0) throw unreachable(copy, "be listed", stderr);
  return headsIn(stdout, "\t");
}

/** The last commit of every ledger as the copy has it. */
async function seenHeads(copy: GitCopy): Promise<Map<string, string>> {
  const { status, stdout, stderr } = await copy.git(["for-each-ref", "--format=%(objectname) %(refname)", refOf("")]);
  if (status !== 0) throw unreachable(copy, "be read from their copy", stderr);
  return headsIn(stdout, " ");
}

function headsIn(listed: Uint8Array, between: string): Map<string, string> {
  const lines = Buffer.from(listed).toString("utf8").split("\n");
  return new Map(
    lines.flatMap((line): [string, string][] => {
      const [hash = "", ref = ""] = line.split(between);
      const name = ref.startsWith(refOf("")) ? ref.slice(refOf("").length) : "";
      return isName(name) ? [[name, hash]] : [];
    }),
  );
}

/** Throws when what is there does not follow what was seen, as far as it was fetched. */
async function refuseRewritten(copy: GitCopy, name: string, seen: string | undefined, there: string): Promise<void> {
  if (seen === undefined || (await isAncestor(copy, seen, there)) !== false) return;
  const [now, before] = await Promise.all(
    [there, seen].map(async (head) => (await follow(copy, [{ name, known: NO_HISTORY, head }])).get(name)!),
  );
  const differs = before!.entries.findIndex(({ blob }, index) => blob !== now!.entries[index]?.blob);
  const seq = differs === -1 ? before!.entries.length : differs + 1;
  const what = differs === -1 ? "its commit is another" : seq > now!.entries.length ? "it is there no more" : "another is in its place";
  throw damaged(
    name,
    `, entry ${seq}: it was seen here, and ${what}: the ref went back, or was written anew`,
    howToRestore(copy, name, seen),
  );
}

/** Whether a commit is one of those before another, or it; nothing where that cannot be told. */
export async function isAncestor(copy: GitCopy, commit: string, of: string): Promise<boolean | undefined> {
  const { status } = await copy.git(["merge-base", "--is-ancestor", commit, of]);
  return status === 0 ? true : status === 1 ? false : undefined;
}

function vanished(copy: GitCopy, name: string, seen: string): RolloutError {
  return damaged(name, `: it was seen here, and its ref ${refOf(name)} is there no more`, howToRestore(copy, name, seen));
}

function howToRestore({ folder, address }: GitCopy, name: string, seen: string): string {
  return (
    `Nothing was written. ${folder} has it as it was seen last: commit ${seen.slice(0, 12)}, to be pushed as ${refOf(name)} to ${withoutLogin(address)}. ` +
    `If it was meant so, forget it there: git --git-dir ${folder} update-ref -d ${refOf(name)}`
  );
}

/** What git could not do at the remote, with its words. */
export function unreachable({ address, words }: GitCopy, what: string, stderr: string, hint = REACHED): RolloutError {
  return new RolloutError("unreachable", `the ledgers in git:${withoutLogin(address)} could not ${what}: ${words(stderr)}`, { hint });
}

const REACHED = "Check the network, the address, and that git may read and push refs/rollout/* there without being asked for a password.";

/** Longer after each attempt, and never the same for two that met. */
export function pauseBefore(attempt: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50 * 2 ** (attempt - 1) * (0.5 + Math.random())));
}
