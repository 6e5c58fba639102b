import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll } from "vitest";
import { lineOf } from "../../src/ledger/chain.ts";
import { evaluatorOf } from "../flags/flagdFile.ts";
import { callRollout, rollout, type Ran } from "./cli.ts";
import { startServer, type TestServer } from "./faultyServer.ts";

/** What the file of tests that imports this leaves behind. After all of them: tests that run side by side share no end. */
const leftovers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  await Promise.all(leftovers.map((remove) => remove()));
});

/** A shop's `/metrics` in which every scrape finds a batch of new requests in each group. */
export interface ShopPage extends TestServer {
  /** Errors in a thousand requests. */
  errors: { control: number; treatment: number };
  /** Answers otherwise from now on; nothing: as a shop does again. */
  answerWith(listener: RequestListener | undefined): void;
}

export async function startShopPage(): Promise<ShopPage> {
  const errors = { control: 5, treatment: 4 };
  const totals = { control: { requests: 0, errors: 0 }, treatment: { requests: 0, errors: 0 } };
  let instead: RequestListener | undefined;
  const server = await startServer((request, response) => {
    if (instead) return void instead(request, response);
    for (const group of ["control", "treatment"] as const) {
      totals[group].requests += 1000;
      totals[group].errors += errors[group];
    }
    const lines = Object.entries({ off: totals.control, on: totals.treatment }).map(
      ([variant, { requests, errors: failed }]) =>
        `requests_total{variant="${variant}"} ${requests}\nerrors_total{variant="${variant}"} ${failed}\n`,
    );
    response.setHeader("content-type", "text/plain; version=0.0.4");
    response.end(`# TYPE requests_total counter\n# TYPE errors_total counter\n${lines.join("")}`);
  });
  leftovers.push(() => server.close());
  return { ...server, errors, answerWith: (listener) => void (instead = listener) };
}

type Tree = Record<string, unknown>;

/** A plan of three steps on a shop's own page, with bakes as short as a process takes to start. */
export function planTree(url: string, changes: Tree = {}): Tree {
  return {
    version: 1,
    rollout: "checkout",
    owner: "shop",
    flag: { backend: { type: "flagd", file: "flags.json" }, writeWithin: "5s" },
    audience: { units: 4000 },
    sources: { shop: { type: "openmetrics", url: `${url}/metrics` } },
    metrics: {
      errors: {
        source: "shop",
        kind: "rate",
        events: { counter: 'errors_total{variant="{{group}}"}' },
        total: { counter: 'requests_total{variant="{{group}}"}' },
      },
    },
    guardrails: [{ metric: "errors", max: "5%" }],
    policy: { poll: "50ms", onBlind: "advance" },
    stages: [
      { expose: "5%", bake: "1ms" },
      { expose: "50%", bake: "1ms" },
      { expose: "100%", bake: "1ms" },
    ],
    ...changes,
  };
}

/** The repository of somebody who rolls out: a plan and a flag file at its root, and the command to run there. */
export interface Scene {
  folder: string;
  write(path: string, content: unknown): Promise<void>;
  read(path: string): Promise<string>;
  /** `rollout ARGS` at the root of the repository. */
  rollout(...args: string[]): Promise<Ran>;
  rolloutWith(env: Record<string, string>, ...args: string[]): Promise<Ran>;
  /** The same within this process, which is quicker. */
  call(...args: string[]): Promise<Ran>;
  callWith(env: Record<string, string>, ...args: string[]): Promise<Ran>;
  /** What every file says, by its path: two of these are equal when nothing was written between. */
  everything(): Promise<Record<string, string>>;
  /** The entries of the ledger, as they were stored. */
  entries(name?: string): Promise<{ kind: string; data: Record<string, unknown> }[]>;
  /** How many of 200 users the flag file gives the feature to, as flagd's own evaluator says. */
  usersWithFeature(): Promise<number>;
}

/** Makes one; it is removed when the tests are over. `plan` becomes `plan.yaml`. */
export async function makeScene(plan: unknown, { flag = "checkout" }: { flag?: string } = {}): Promise<Scene> {
  // Some systems' temporary folder is a link; paths are compared with what a process finds its folder to be.
  const folder = await realpath(await mkdtemp(join(tmpdir(), "rollout-scene-")));
  leftovers.push(() => rm(folder, { recursive: true, force: true }));
  const write = async (path: string, content: unknown) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), typeof content === "string" ? content : `${JSON.stringify(content, undefined, 2)}\n`);
  };
  const read = (path: string) => readFile(join(folder, path), "utf8");
  await mkdir(join(folder, ".git"));
  await write("plan.yaml", plan); // JSON is YAML.
  await write("flags.json", { flags: { "not-ours": { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "on" } } });
  return {
    folder,
    write,
    read,
    rollout: (...args) => rollout(args, { cwd: folder }),
    rolloutWith: (env, ...args) => rollout(args, { cwd: folder, env }),
    call: (...args) => callRollout(args, { cwd: folder }),
    callWith: (env, ...args) => callRollout(args, { cwd: folder, env }),
    everything: () => everythingIn(folder),
    async entries(name = "checkout") {
      const files = (await readdir(join(folder, ".rollout", name))).filter((file) => file.endsWith(".json")).sort();
      const stored = await Promise.all(files.map((file) => readFile(join(folder, ".rollout", name, file))));
      return stored.map(
        (bytes) => JSON.parse(Buffer.from(lineOf(bytes)!).toString("utf8")) as { kind: string; data: Record<string, unknown> },
      );
    },
    async usersWithFeature() {
      const evaluate = evaluatorOf(await read("flags.json"), flag);
      return Array.from({ length: 200 }, (_, index) => evaluate(`user-${index}`).value).filter((value) => value === true).length;
    },
  };
}

/** The hash of every file below a folder. */
export async function everythingIn(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const contents = await Promise.all(
    files.sort().map(async (file) => [
      file.slice(folder.length + 1),
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
    ]),
  );
  return Object.fromEntries(contents) as Record<string, string>;
}
