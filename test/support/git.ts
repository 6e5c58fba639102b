import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { startDaemon } from "./daemon.ts";
import { listen } from "./listening.ts";
import { accepts, freePort } from "./ports.ts";

/** An environment in which git knows nothing of whoever runs the tests: no name, no settings. */
export function bareEnvironment(home: string): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
}

/** Runs git and returns what it printed. */
export function git(
  folder: string,
  args: readonly string[],
  { input = "", env = {} }: { input?: string; env?: Record<string, string> } = {},
): string {
  const named = { GIT_AUTHOR_NAME: "t", GIT_AUTHOR_EMAIL: "t@localhost", GIT_COMMITTER_NAME: "t", GIT_COMMITTER_EMAIL: "t@localhost" };
  return execFileSync("git", args, {
    cwd: folder,
    env: { ...bareEnvironment(folder), ...named, ...env },
    input,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  });
}

/** A repository such as a server has, that anyone may push to. Written by hand: tests make very many. */
export function makeServed(folder: string, name: string): string {
  const repository = join(folder, name);
  for (const part of ["objects", "refs"]) mkdirSync(join(repository, part), { recursive: true });
  writeFileSync(join(repository, "HEAD"), "ref: refs/heads/main\n");
  writeFileSync(join(repository, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n[http]\n\treceivepack = true\n");
  return repository;
}

/** Writes a ledger's ref anew without one of its entries, as no command does. */
export function removeEntry(repository: string, name: string, seq: number): void {
  const trees = git(repository, ["log", "--reverse", "--format=%T", `refs/rollout/${name}`])
    .trim()
    .split("\n");
  let head: string | undefined;
  for (const tree of trees.toSpliced(seq - 1, 1)) {
    head = git(repository, ["commit-tree", tree, ...(head === undefined ? [] : ["-p", head])], { input: "anew" }).trim();
  }
  git(repository, ["update-ref", `refs/rollout/${name}`, head!]);
}

export interface GitServer {
  /** Its process, where it has one of its own. */
  pid?: number | undefined;
  /** The address of a repository that lies in its folder. */
  url(name: string): string;
  close(): Promise<void>;
}

/** `git daemon` on loopback, for the repositories of a folder. */
export async function startGitDaemon(folder: string): Promise<GitServer> {
  const port = await freePort();
  const program = join(execFileSync("git", ["--exec-path"], { encoding: "utf8" }).trim(), "git-daemon");
  const args = ["--reuseaddr", "--listen=127.0.0.1", `--port=${port}`, `--base-path=${folder}`, "--export-all", "--enable=receive-pack"];
  const child = spawn(program, args, { stdio: "ignore", env: bareEnvironment(folder) });
  const close = await startDaemon(child, () => accepts(port));
  return { pid: child.pid, url: (name) => `git://127.0.0.1:${port}/${name}`, close };
}

export interface GitHttp extends GitServer {
  /** The user and password that it asks for. */
  login?: { username: string; password: string };
  /** Called when a push was taken and before it is answered; where it says `lose`, the connection is cut instead. */
  onPushed?: () => "lose" | "answer";
  /** The paths that were asked for. */
  readonly asked: string[];
}

/** Git's smart HTTP, by `git http-backend`, for the repositories of a folder. */
export async function startGitHttp(folder: string): Promise<GitHttp> {
  const asked: string[] = [];
  const server = createHttpServer((request, response) => {
    asked.push(request.url ?? "");
    const { login } = served;
    const expected = login && `Basic ${Buffer.from(`${login.username}:${login.password}`).toString("base64")}`;
    if (expected !== undefined && request.headers.authorization !== expected) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    void serve(request, response);
  });
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const send = await answer(request, response, folder);
    const isPush = request.method === "POST" && request.url?.endsWith("/git-receive-pack");
    if (isPush && served.onPushed?.() === "lose") request.socket.destroy();
    else send();
  };
  const { port, close } = await listen(server);
  const served: GitHttp = { asked, url: (name) => `http://127.0.0.1:${port}/${name}`, close };
  return served;
}

/** Lets the backend do all of its work, and gives what sends its answer. */
function answer(request: IncomingMessage, response: ServerResponse, folder: string): Promise<() => void> {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const { headers } = request;
  const env = {
    ...bareEnvironment(folder),
    GIT_PROJECT_ROOT: folder,
    GIT_HTTP_EXPORT_ALL: "1",
    PATH_INFO: pathname,
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method,
    REMOTE_ADDR: "127.0.0.1",
    CONTENT_TYPE: headers["content-type"] ?? "",
    ...(headers["content-length"] !== undefined && { CONTENT_LENGTH: headers["content-length"] }),
    ...(headers["content-encoding"] !== undefined && { HTTP_CONTENT_ENCODING: headers["content-encoding"] }),
    GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
  };
  const child = spawn("git", ["http-backend"], { env, stdio: ["pipe", "pipe", "ignore"] });
  const said: Buffer[] = [];
  child.stdout.on("data", (part: Buffer) => said.push(part));
  child.stdin.on("error", () => {});
  request.pipe(child.stdin);
  return new Promise((resolve) => {
    child.once("close", () => {
      const all = Buffer.concat(said);
      const end = all.indexOf("\r\n\r\n");
      const fields = all
        .toString("latin1", 0, end)
        .split("\r\n")
        .map((line) => line.split(": ") as [string, string]);
      const status = Number(fields.find(([name]) => name === "Status")?.[1].slice(0, 3) ?? 200);
      resolve(() =>
        response.writeHead(status, Object.fromEntries(fields.filter(([name]) => name !== "Status"))).end(all.subarray(end + 4)),
      );
    });
  });
}
