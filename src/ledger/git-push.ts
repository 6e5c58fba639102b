import { RolloutError } from "../errors.ts";
import type { GitCopy } from "./git-copy.ts";
import { fetchHeads, isAncestor, pauseBefore, unreachable } from "./git-fetch.ts";
import { refOf } from "./git-history.ts";
import { REMOTE } from "./git-surroundings.ts";
import { Taken } from "./port.ts";

/** Where two pushes meet at the remote's lock, the one that is turned away may find that the other has not written either. */
const ATTEMPTS = 4;

/**
 * Moves a ledger's ref at the remote from one commit to another, `from` being nothing where the ref is to be new. Throws
 * `Taken` when it was somewhere else, `RolloutError` (`damaged`, `unreachable`). When git does not say that it did,
 * what is there then decides: an answer can be lost, and no message of the other side is relied upon.
 */
export async function pushHead(copy: GitCopy, name: string, from: string | undefined, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const pushed = await push(copy, name, from, to);
    if (pushed === "done") break;
    const head = (await fetchHeads(copy, [name]).catch((error: unknown) => refuseUnknown(error, pushed.failure))).get(name);
    if (head !== undefined && (await isAncestor(copy, to, head))) return;
    if (head !== from) throw new Taken(`${refOf(name)} has moved`);
    if (!pushed.answered || attempt >= ATTEMPTS) throw pushed.failure;
    await pauseBefore(attempt);
  }
  // From now on it was seen. Should another process have remembered what came after, that stays.
  await copy.git(["update-ref", refOf(name), to, from ?? "0".repeat(to.length)]);
}

const TURNED_DOWN =
  "The remote was reached and turned it down: let git push refs/rollout/* there. Where it speaks of a lock that a killed git left behind, remove that file at the remote.";

async function push(
  copy: GitCopy,
  name: string,
  from: string | undefined,
  to: string,
): Promise<"done" | { answered: boolean; failure: RolloutError }> {
  const ref = refOf(name);
  const args = ["push", "--porcelain", "--no-verify", "--no-follow-tags", "--no-signed", "--recurse-submodules=no"];
  const lease = `--force-with-lease=${ref}:${from ?? ""}`;
  try {
    const { status, stdout, stderr } = await copy.git([...args, lease, REMOTE, `${to}:${ref}`]);
    if (status === 0) return "done";
    const answer = Buffer.from(stdout).toString("utf8");
    // A line of the ref itself: the other side was reached, and turned it down.
    const refused = answer.split("\n").filter((line) => line.startsWith("!\t"));
    const failure = (hint?: string) => unreachable(copy, `take an entry of ${name}`, `${stderr}\n${refused.join("\n")}`, hint);
    return refused.length > 0 ? { answered: true, failure: failure(TURNED_DOWN) } : { answered: false, failure: failure() };
  } catch (error) {
    // Ended at its deadline: what it had sent may still arrive.
    if (error instanceof RolloutError) return { answered: false, failure: error };
    throw error;
  }
}

/** Where the remote cannot be asked either, the first failure says why. Damage is damage. */
function refuseUnknown(error: unknown, failure: RolloutError): never {
  if (error instanceof RolloutError && error.code === "unreachable") throw failure;
  throw error;
}
