// Where the command line comes from, and how it is run.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { sayOnce, withoutCommands } from "./workflow.mjs";

/** Files through which a step changes the steps after it, and our own secret: nobody else's business. */
const OURS = new Set(["GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE", "GITHUB_STEP_SUMMARY", "INPUT_TOKEN"]);

/** The most characters of one result. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** The script to run: the one that was named, or rollout-cli of npm, installed where jobs keep what is temporary. */
export async function commandLineOf({ cli, version }, env) {
  if (cli !== "") {
    const script = resolve(cli);
    if (!existsSync(script)) throw new Error(`the input \`cli\` names ${cli}, which is not there`);
    return script;
  }
  const wanted = version === "" ? versionHere() : version;
  const folder = join(env.RUNNER_TEMP ?? tmpdir(), `rollout-cli-${wanted}`);
  const script = join(folder, "node_modules", "rollout-cli", "bin", "rollout.js");
  if (!existsSync(script)) {
    await mkdir(folder, { recursive: true });
    const options = ["--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"];
    const { status } = await run("npm", ["install", "--prefix", folder, ...options, `rollout-cli@${wanted}`], env);
    if (status !== 0) throw new Error(`rollout-cli@${wanted} could not be installed from npm; the input \`cli\` names another`);
  }
  return script;
}

/** An action and the package that it comes with have one version. */
function versionHere() {
  return JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")).version;
}

/** Runs `rollout ARGS`: its exit status, and the last object that it printed. What it says and comes to goes to the log. */
export async function runCli(script, args, env) {
  let last;
  const say = sayOnce();
  const { status } = await run(process.execPath, [script, ...args], env, (line) => {
    last = parsed(line);
    if (typeof last?.sentence === "string") say(last.sentence);
  });
  return { status, last };
}

function run(program, args, env, onLine = () => {}) {
  return withoutCommands(() => untilItEnds(program, args, env, onLine));
}

function untilItEnds(program, args, env, onLine) {
  return new Promise((done, failed) => {
    const inherited = Object.fromEntries(Object.entries(env).filter(([name]) => !OURS.has(name)));
    const child = spawn(program, args, { env: inherited, stdio: ["ignore", "pipe", "pipe"] });
    // A job that is cancelled is told so: what was begun is finished and recorded.
    const pass = (signal) => child.kill(signal);
    for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, pass);
    forEachLine(child.stdout, onLine);
    // All of it on one stream, so that nothing overtakes the words that switch commands off and on.
    child.stderr.pipe(process.stdout, { end: false });
    child.on("error", failed);
    child.on("close", (status, signal) => {
      for (const name of ["SIGINT", "SIGTERM"]) process.off(name, pass);
      done({ status: status ?? (signal === "SIGINT" || signal === "SIGTERM" ? 130 : 1) });
    });
  });
}

/** Line by line, since a command may run for days. */
function forEachLine(stream, onLine) {
  let open = "";
  stream.setEncoding("utf8").on("data", (text) => {
    const lines = `${open}${text}`.split("\n");
    open = lines.pop();
    for (const line of lines) if (line !== "") onLine(line);
    if (open.length > MOST_CHARACTERS) open = "";
  });
}

function parsed(line) {
  try {
    const value = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
