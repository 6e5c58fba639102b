import { RolloutError } from "../errors.ts";
import { MAX_ENTRY_BYTES } from "../model/entry.ts";
import type { GitCopy } from "./git-copy.ts";
import type { StoredEntry } from "./port.ts";

/** One ledger as the commits of its ref: entry N is the Nth commit from the root, and its tree holds that entry's file alone. */
export interface History {
  /** The last commit; none where nobody has written yet. */
  head: string | undefined;
  /** The first entry's comes first. */
  entries: readonly { blob: string; size: number }[];
}

export const NO_HISTORY: History = { head: undefined, entries: [] };

/** What is known of a ledger, and the head to which it is to be followed. */
export interface Growth {
  name: string;
  known: History;
  head: string;
}

/** How much is asked of git at once: what an answer holds is in memory twice. */
const MOST_AT_ONCE = 64 * 1024 * 1024;
const MOST_LISTED = 512 * 1024 * 1024;

/** The ref of a ledger, the same at the remote and in the copy. */
export function refOf(name: string): string {
  return `refs/rollout/${name}`;
}

/** The file of an entry, as a directory has it. Its number is checked against its place among the commits. */
export function fileOf(seq: number): string {
  return `${String(seq).padStart(9, "0")}.json`;
}

export function damaged(name: string, why: string, hint = "Nothing was written. Restore the ledger from a copy."): RolloutError {
  return new RolloutError("damaged", `ledger ${name}${why}`, { hint });
}

/**
 * Follows ledgers from what is known of each to its head, and checks all that is new: one parent a commit, one file a
 * tree, of the right number, no larger than an entry may be. Throws `RolloutError` (`damaged`).
 */
export async function follow(copy: GitCopy, growths: readonly Growth[]): Promise<Map<string, History>> {
  const grown = growths.filter(({ known, head }) => known.head !== head);
  const commits = await commitsOf(copy, grown);
  const found = grown.map((growth) => ({ growth, trees: treesSince(growth, commits) }));
  const sizes = await entriesIn(
    copy,
    found.flatMap(({ growth: { name, known }, trees }) =>
      trees.map((tree, index) => ({ name, tree, seq: known.entries.length + index + 1 })),
    ),
  );
  const histories = new Map(growths.map(({ name, known }) => [name, known]));
  let next = 0;
  for (const { growth, trees } of found) {
    const entries = [...growth.known.entries, ...sizes.slice(next, (next += trees.length))];
    histories.set(growth.name, { head: growth.head, entries });
  }
  return histories;
}

interface Commit {
  tree: string;
  parents: string[];
}

/** All commits that lead to the heads and are not known yet. */
async function commitsOf(copy: GitCopy, growths: readonly Growth[]): Promise<Map<string, Commit>> {
  const commits = new Map<string, Commit>();
  if (growths.length === 0) return commits;
  const asked = growths.flatMap(({ known, head }) => [head, ...(known.head === undefined ? [] : [`^${known.head}`])]);
  const text = await answerOf(copy, ["rev-list", "--stdin", "--format=%T %P"], asked);
  const lines = text.toString("latin1").split("\n");
  for (let index = 0; index + 1 < lines.length; index += 2) {
    const [tree = "", ...parents] = lines[index + 1]!.trimEnd().split(" ");
    commits.set(lines[index]!.slice("commit ".length), { tree, parents });
  }
  return commits;
}

/** The trees from what is known to the head, the oldest first. */
function treesSince({ name, known, head }: Growth, commits: ReadonlyMap<string, Commit>): string[] {
  const trees: string[] = [];
  let next: string | undefined = head;
  while (next !== known.head) {
    const commit: Commit | undefined = next === undefined ? undefined : commits.get(next);
    if (!commit && next === head) throw damaged(name, `: its ref leads to ${head}, which is no commit`);
    if (!commit) throw damaged(name, `, entry ${known.entries.length}: it was there, and what is there now does not follow it`);
    if (commit.parents.length > 1) throw damaged(name, `: commit ${next} has ${commit.parents.length} parents; an entry follows one other`);
    trees.push(commit.tree);
    next = commit.parents[0];
  }
  return trees.toReversed();
}

/** The entry in each tree, without reading it. */
async function entriesIn(
  copy: GitCopy,
  trees: readonly { name: string; tree: string; seq: number }[],
): Promise<{ blob: string; size: number }[]> {
  if (trees.length === 0) return [];
  const asked = trees.flatMap(({ tree, seq }) => [tree, `${tree}:${fileOf(seq)}`]);
  const text = await answerOf(copy, ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", "--buffer"], asked);
  const lines = text.toString("latin1").split("\n");
  const lost = trees.find((_, index) => lines[2 * index]!.endsWith(" missing"));
  if (lost) throw incomplete(copy, `the tree ${lost.tree}`);
  const missing = trees.find((_, index) => lines[2 * index + 1]!.endsWith(" missing"));
  if (missing) throw await missingEntry(copy, missing);
  return trees.map(({ name, seq }, index) => {
    const treeSize = lines[2 * index]!.split(" ")[2];
    const [blob = "", type, size] = lines[2 * index + 1]!.split(" ");
    if (type !== "blob") throw damaged(name, `, entry ${seq}: it is not a file, as every entry is`);
    // Mode, name and hash of the one file: nothing else fits in.
    if (Number(treeSize) !== `100644 ${fileOf(seq)}\0`.length + blob.length / 2) {
      throw damaged(name, `, entry ${seq}: its commit holds more than that entry`);
    }
    if (Number(size) > MAX_ENTRY_BYTES) {
      throw damaged(name, `, entry ${seq}: it has ${size} bytes; no entry has more than ${MAX_ENTRY_BYTES}`);
    }
    return { blob, size: Number(size) };
  });
}

/** What git calls missing is not in the tree, or is and our copy has lost it. */
async function missingEntry(copy: GitCopy, { name, tree, seq }: { name: string; tree: string; seq: number }): Promise<RolloutError> {
  const { status } = await copy.git(["rev-parse", "--verify", "--quiet", `${tree}:${fileOf(seq)}`]);
  if (status === 0) return incomplete(copy, `entry ${seq} of ${name}`);
  return damaged(name, `, entry ${seq}: it is missing; its commit does not have the file ${fileOf(seq)}`);
}

/** The entries of a ledger from number `from` on; from −1: the last alone. */
export async function readEntries(
  copy: GitCopy,
  asked: readonly { history: History; from: number; most?: number | undefined }[],
): Promise<StoredEntry[][]> {
  const wanted = asked.map(({ history: { entries }, from, most = entries.length }) => {
    const first = from === -1 ? entries.length : Math.max(from, 1);
    const begin = Math.max(first - 1, 0);
    return entries.slice(begin, begin + most).map((entry, index) => ({ ...entry, seq: first + index }));
  });
  const contents = await contentsOf(copy, wanted.flat());
  let next = 0;
  return wanted.map((each) => each.map(({ seq }) => ({ seq, bytes: contents[next++]! })));
}

async function contentsOf(copy: GitCopy, blobs: readonly { blob: string; size: number }[]): Promise<Uint8Array[]> {
  const contents: Uint8Array[] = [];
  for (let begin = 0; begin < blobs.length;) {
    let end = begin;
    let bytes = 0;
    while (end < blobs.length && (end === begin || bytes + blobs[end]!.size <= MOST_AT_ONCE)) bytes += blobs[end++]!.size;
    const part = blobs.slice(begin, end);
    const answer = await answerOf(
      copy,
      ["cat-file", "--batch", "--buffer"],
      part.map(({ blob }) => blob),
    );
    let position = 0;
    for (const { blob, size } of part) {
      const header = `${blob} blob ${size}\n`;
      if (answer.toString("latin1", position, position + header.length) !== header) throw incomplete(copy, `the entry ${blob}`);
      position += header.length;
      contents.push(answer.subarray(position, position + size));
      position += size + 1;
    }
    begin = end;
  }
  return contents;
}

async function answerOf(copy: GitCopy, args: readonly string[], lines: readonly string[]): Promise<Buffer> {
  const { status, stdout, stderr } = await copy.git(args, { input: `${lines.join("\n")}\n`, maxBytes: MOST_LISTED });
  if (status !== 0) throw incomplete(copy, `git ${args[0]}: ${copy.words(stderr)}`);
  return Buffer.from(stdout.buffer, stdout.byteOffset, stdout.byteLength);
}

/** What was fetched was whole: if it is not any more, it is our copy that broke, and the ledger has not. */
function incomplete(copy: GitCopy, what: string): RolloutError {
  const hint = removing(copy);
  return new RolloutError("unreachable", `the copy of the ledgers cannot be read (${what})`, {
    hint: `${hint[0]!.toUpperCase()}${hint.slice(1)}`,
  });
}

/** What mends a copy that broke. */
export function removing({ folder }: GitCopy): string {
  return `remove the folder ${folder}: it is but a copy, and will be fetched again.`;
}
