import { commitEntries } from "./git-commit.ts";
import { openCopy, type GitCopy } from "./git-copy.ts";
import { fetchHeads, headsThere } from "./git-fetch.ts";
import { follow, NO_HISTORY, readEntries, type History } from "./git-history.ts";
import { pushHead } from "./git-push.ts";
import { parseGitAddress, withoutLogin } from "./git-address.ts";
import { checkedName } from "./names.ts";
import { Taken, type OpenStore, type StoredEntry } from "./port.ts";

/** Every push is a round trip, and leaves a commit and its tree behind. */
const GATHER_FOR = 15 * 60_000;
/** After how many entries the copy is tidied, should it need to be. */
const TIDY_EVERY = 256;

/**
 * Ledgers in a git repository that a team shares: each is a ref of its own, `refs/rollout/NAME`, each entry a commit on
 * it. Whoever pushes entry N with a lease on entry N − 1 has won it. `address`: the name of a remote, or where a
 * repository is.
 */
export const gitStore: OpenStore = (address, tools) => {
  parseGitAddress(address, tools.cwd);
  const histories = new Map<string, History>();
  let opening: Promise<GitCopy> | undefined;

  const open = () => {
    opening ??= openCopy(address, tools).catch((error: unknown) => {
      opening = undefined;
      throw error;
    });
    return opening;
  };
  const remember = async (copy: GitCopy, name: string, history: History) => {
    const known = histories.get(name)?.entries.length ?? 0;
    if (history.entries.length >= known) histories.set(name, history);
    const isTime = Math.floor(history.entries.length / TIDY_EVERY) > Math.floor(known / TIDY_EVERY);
    // Another process may be at it already, and it is never needed.
    if (isTime) await copy.git(["gc", "--auto", "--quiet"]).catch(() => undefined);
  };
  const refresh = async (copy: GitCopy, names: readonly string[]): Promise<ReadonlyMap<string, History>> => {
    const known = new Map(names.map((name) => [name, histories.get(name) ?? NO_HISTORY]));
    const heads = await fetchHeads(copy, names);
    const growths = [...heads].map(([name, head]) => ({ name, known: known.get(name)!, head }));
    const grown = await follow(copy, growths);
    for (const name of names) await remember(copy, name, grown.get(name) ?? NO_HISTORY);
    return grown;
  };
  const readAll = async (
    asked: readonly { name: string; from: number; most?: number | undefined }[],
  ): Promise<Map<string, StoredEntry[]>> => {
    const names = asked.map(({ name }) => checkedName(name));
    const copy = await open();
    const grown = await refresh(copy, names);
    const entries = await readEntries(
      copy,
      asked.map(({ name, from, most }) => ({ history: grown.get(name) ?? NO_HISTORY, from, most })),
    );
    return new Map(names.map((name, index) => [name, entries[index]!]));
  };
  const createAll = async (name: string, first: number, entries: readonly Uint8Array[]): Promise<void> => {
    checkedName(name);
    if (entries.length === 0) return;
    const copy = await open();
    let known = histories.get(name);
    // What was never seen is looked at before it is written to: that it is not there may be damage.
    if (known?.entries.length !== first - 1) known = (await refresh(copy, [name])).get(name) ?? NO_HISTORY;
    if (known.entries.length !== first - 1) throw new Taken(`${name} has ${known.entries.length} entries; entry ${first} is not the next`);
    const written = await commitEntries(copy, name, known, entries);
    await pushHead(copy, name, known.head, written.head!);
    await remember(copy, name, written);
  };

  return {
    address: `git:${withoutLogin(address)}`,
    list: async () => [...(await headsThere(await open())).keys()].sort(),
    gatherFor: GATHER_FOR,
    read: async (name, from, most) => (await readAll([{ name, from, most }])).get(name)!,
    readAll: (asked) => readAll(asked),
    create: (name, seq, bytes) => createAll(name, seq, [bytes]),
    createAll,
  };
};
