// What a step with this action does. It has no dependencies, so that nothing has to be built or installed to read it.
import { appendFile, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { annotationsOf, outcomeAnnotation } from "./annotations.mjs";
import { commandLineOf, runCli } from "./cli.mjs";
import { commentOnPullRequest } from "./comment.mjs";
import { readInputs } from "./inputs.mjs";
import { outputsOf } from "./outputs.mjs";
import { annotate, writeOutputs } from "./workflow.mjs";

/** Commands that go out and change something. A plan in a pull request is a proposal: it is explained. */
const MOVES = new Set(["advance", "run", "rollback"]);

const { env } = process;

async function main() {
  const inputs = readInputs(env);
  const event = env.GITHUB_EVENT_NAME ?? "";
  const command = event.startsWith("pull_request") && MOVES.has(inputs.command) ? "explain" : inputs.command;
  const cli = await commandLineOf(inputs, env);

  // What is wrong with a plan is shown at its lines, whatever the command makes of it; what is doubtful, to those who read it.
  if (await isFile(inputs.plan)) {
    const { last } = await runCli(cli, ["validate", "--json", "--", inputs.plan], env);
    const annotations = annotationsOf(last, env.GITHUB_WORKSPACE ?? process.cwd());
    for (const annotation of annotations) if (annotation.kind === "error" || command === "explain") annotate(annotation);
  }

  const folder = await mkdtemp(join(env.RUNNER_TEMP ?? tmpdir(), "rollout-"));
  try {
    const summary = join(folder, "summary.md");
    const { status, last } = await runCli(cli, argumentsOf(command, inputs, summary), env);
    const text = await readFile(summary, "utf8").catch(() => "");
    if (env.GITHUB_STEP_SUMMARY) await appendFile(env.GITHUB_STEP_SUMMARY, text);
    await writeOutputs(env.GITHUB_OUTPUT, outputsOf(command, status, last));
    const annotation = outcomeAnnotation(status, last);
    if (annotation) annotate(annotation);
    if (command === "explain" && inputs.comment && event.startsWith("pull_request")) {
      const said = await commentOnPullRequest({ env, token: inputs.token, plan: inputs.plan, text });
      if (said) annotate({ kind: "notice", message: said });
    }
    return status;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Values stand behind `=` and the plan behind `--`, so that none of them is taken for an option. */
function argumentsOf(command, { plan, wait, reason, store }, summary) {
  const options = ["--json", "--no-input", `--store=${store}`, `--summary=${summary}`];
  if (command === "advance" && wait !== "") options.push(`--wait=${wait}`);
  if (command === "rollback" && reason !== "") options.push(`--reason=${reason}`);
  return [command, ...options, "--", plan];
}

async function isFile(path) {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

process.exitCode = await main().catch((error) => {
  annotate({ kind: "error", message: error instanceof Error ? error.message : String(error) });
  return 2;
});
