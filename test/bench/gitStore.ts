// How long it takes to append an entry to a ledger in a git repository at a path, beside git's own steps by hand: the
// blob, the tree, the commit, and the push with a lease. And how long a fresh checkout takes to read a long ledger.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openGit } from "../ledger/gitOpener.ts";
import { bareEnvironment, git, makeServed } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { alternate, print, timeOf, type Side } from "./support/rounds.ts";

const ROUNDS = 61;
const WARM_UP = 5;
const LONG = 10_000;

const folder = await mkdtemp(join(tmpdir(), "rollout-bench-git-"));
try {
  if (requireProgram("git")) {
    console.log(`medians of ${ROUNDS} rounds, alternating; a bare repository in the temporary folder`);
    await benchAppend();
    await benchRead();
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function entryOf(seq: number): Uint8Array {
  const noise = Array.from({ length: 100 }, () => Math.random());
  return Buffer.from(`${JSON.stringify({ seq, kind: "look", at: Date.now(), actor: { who: "bench", where: "here" }, data: { noise } })}\n`);
}

async function benchAppend(): Promise<void> {
  const sides = {
    ours: storeSide(makeServed(folder, "ours.git")),
    "git's steps by hand": handSide(makeServed(folder, "hand.git"), []),
    "the same, synced to the disk as ours": handSide(makeServed(folder, "synced.git"), [
      "--receive-pack=git -c core.fsync=committed,loose-object receive-pack",
    ]),
  };
  await alternate(WARM_UP, sides);
  print("append to git, an entry of 2 KiB", await alternate(ROUNDS, sides));
}

function storeSide(repository: string): Side {
  const store = openGit(repository, folder, bareEnvironment(folder));
  let seq = 0;
  return async () => {
    if (seq === 0) await store.read("bench", 1);
    const bytes = entryOf(++seq);
    return timeOf(() => store.create("bench", seq, bytes));
  };
}

function handSide(repository: string, options: string[]): Side {
  const own = join(folder, `own-${repository.slice(-10)}`);
  git(folder, ["init", "--quiet", "--bare", own]);
  let [seq, head] = [0, ""];
  return async () => {
    const bytes = entryOf(++seq);
    return timeOf(async () => {
      const blob = await run(own, ["hash-object", "-w", "--stdin"], bytes);
      const tree = await run(own, ["mktree"], `100644 blob ${blob}\tentry.json\n`);
      const commit = await run(own, ["commit-tree", tree, ...(head === "" ? [] : ["-p", head])], `entry ${seq}\n`);
      await run(
        own,
        ["push", "--quiet", ...options, `--force-with-lease=refs/rollout/bench:${head}`, repository, `${commit}:refs/rollout/bench`],
        "",
      );
      head = commit;
    });
  };
}

function run(repository: string, args: string[], input: string | Uint8Array): Promise<string> {
  const named = { GIT_AUTHOR_NAME: "b", GIT_AUTHOR_EMAIL: "b@localhost", GIT_COMMITTER_NAME: "b", GIT_COMMITTER_EMAIL: "b@localhost" };
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, {
      env: { ...bareEnvironment(folder), ...named, GIT_DIR: repository },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.once("error", reject);
    child.once("close", (status) => (status === 0 ? resolve(said.trim()) : reject(new Error(`git ${args[0]} ended with ${status}`))));
    child.stdin.end(input);
  });
}

/** Each time from nothing, as in a job of CI. */
async function benchRead(): Promise<void> {
  const repository = makeServed(folder, "long.git");
  const writer = openGit(repository, folder, bareEnvironment(join(folder, "writer")));
  for (let first = 1; first <= LONG; first += 1_000) {
    await writer.createAll!(
      "bench",
      first,
      Array.from({ length: 1_000 }, (_, index) => entryOf(first + index)),
    );
  }
  let homes = 0;
  const sides = {
    ours: async () => {
      const store = openGit(repository, folder, bareEnvironment(join(folder, `reader-${++homes}`)));
      return timeOf(() => store.read("bench", 1));
    },
    "a bare clone of it by git": async () => {
      const clone = join(folder, `clone-${++homes}`);
      const args = ["clone", "--quiet", "--bare", "--no-local", "--config=remote.origin.fetch=+refs/*:refs/*", repository, clone];
      return timeOf(() => promisify(execFile)("git", args, { env: bareEnvironment(folder) }));
    },
  };
  print(`first read of ${LONG} entries`, await alternate(5, sides));
  const store = openGit(repository, folder, bareEnvironment(join(folder, "reader-1")));
  await store.read("bench", 1);
  const again = openGit(repository, folder, bareEnvironment(join(folder, "reader-1")));
  console.log(`  read again by the next command: ${(await timeOf(() => again.read("bench", 1))).toFixed(0)} ms`);
  console.log(
    `  its last entry alone: ${(await timeOf(() => openGit(repository, folder, bareEnvironment(join(folder, "reader-1"))).read("bench", -1))).toFixed(0)} ms`,
  );
  console.log(`  what is new, where nothing is: ${(await timeOf(() => again.read("bench", LONG + 1))).toFixed(0)} ms`);
}
