import { mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram, SCRIPT } from "./cli.ts";

/** The folder of the action. */
export const ACTION = fileURLToPath(new URL("../../.github/actions/advance", import.meta.url));

/** A message that the runner shows beside the run, unescaped as the runner does. */
export interface Annotation {
  kind: string;
  message: string;
  properties: Record<string, string>;
}

/** What a step with the action left behind, as the runner reads it. */
export interface Step {
  status: number | null;
  outputs: Record<string, string>;
  summary: string;
  annotations: Annotation[];
  /** Workflow commands that the runner would have obeyed, besides annotations. */
  commands: string[];
  /** What the step wrote into the environment and the path of the steps after it. */
  environment: string;
  log: string;
}

export interface StepOptions {
  cwd: string;
  /** `with:` of the step; `cli` is the package built from the source unless it says otherwise. */
  inputs: Record<string, string>;
  /** The event's name and its payload. */
  event?: { name: string; payload?: unknown };
  env?: Record<string, string>;
}

/** Runs the action's script as a runner runs the step of a composite action. */
export async function runStep({ cwd, inputs, event = { name: "schedule" }, env = {} }: StepOptions): Promise<Step> {
  const temp = await realpath(await mkdtemp(join(tmpdir(), "rollout-runner-")));
  try {
    const files = { GITHUB_OUTPUT: "output", GITHUB_STEP_SUMMARY: "summary", GITHUB_ENV: "env", GITHUB_PATH: "path" };
    const paths = Object.fromEntries(Object.entries(files).map(([name, file]) => [name, join(temp, file)]));
    for (const path of Object.values(paths)) await writeFile(path, "");
    const payload = join(temp, "event.json");
    await writeFile(payload, JSON.stringify(event.payload ?? {}));
    const given = Object.entries({ cli: SCRIPT, store: ".rollout", ...inputs });
    const ran = await runProgram("bash", ["-e", "-c", 'exec node "$GITHUB_ACTION_PATH/advance.mjs"'], {
      cwd,
      env: {
        CI: "true",
        GITHUB_ACTIONS: "true",
        GITHUB_ACTION_PATH: ACTION,
        GITHUB_ACTOR: "ann",
        GITHUB_API_URL: "http://127.0.0.1:9",
        GITHUB_EVENT_NAME: event.name,
        GITHUB_EVENT_PATH: payload,
        GITHUB_JOB: "advance",
        GITHUB_REPOSITORY: "shop/web",
        GITHUB_RUN_ID: "42",
        GITHUB_WORKSPACE: cwd,
        RUNNER_TEMP: temp,
        ...paths,
        ...Object.fromEntries(given.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
        ...env,
      },
    });
    const read = (name: keyof typeof files) => readFile(paths[name]!, "utf8");
    return {
      status: ran.status,
      outputs: outputsIn(await read("GITHUB_OUTPUT")),
      summary: await read("GITHUB_STEP_SUMMARY"),
      ...commandsIn(`${ran.stdout}${ran.stderr}`),
      environment: `${await read("GITHUB_ENV")}${await read("GITHUB_PATH")}`,
      log: `${ran.stdout}${ran.stderr}`,
    };
  } finally {
    await rm(temp, { recursive: true, force: true });
  }
}

/** A file of outputs: `name=value` lines, and values of several lines between delimiters. */
function outputsIn(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    const [, name, delimiter] = /^([^=]*?)<<(.*)$/.exec(line) ?? [];
    if (name !== undefined) {
      const end = lines.indexOf(delimiter!, index + 1);
      if (end < 0) throw new Error(`the value of ${name} has no end`);
      outputs[name] = lines.slice(index + 1, end).join("\n");
      index = end;
    } else if (line.includes("=")) outputs[line.slice(0, line.indexOf("="))] = line.slice(line.indexOf("=") + 1);
    else if (line !== "") throw new Error(`not an output: ${line}`);
  }
  return outputs;
}

/** Commands that a runner knows; the rest of what looks like one is text. */
const KNOWN =
  /^(add-mask|add-matcher|debug|echo|endgroup|error|group|internal-set-repo-path|notice|remove-matcher|save-state|set-env|set-output|set-repo-path|stop-commands|warning|add-path)$/i;

/** Obeys a log as the runner does: line by line, both kinds of commands, unless they are switched off. */
function commandsIn(log: string): Pick<Step, "annotations" | "commands"> {
  const annotations: Annotation[] = [];
  const commands: string[] = [];
  let resumedBy: string | undefined;
  for (const line of log.split(/\r\n|[\r\n]/)) {
    const modern = /^\s*::([^\s:]+)(?: ([^]*?))?::([^]*)$/.exec(line);
    const [, name = "", properties = "", data = ""] = modern ?? /##\[([^\s\]]+)(?: ([^\]]*))?\]([^]*)$/.exec(line) ?? [];
    if (resumedBy !== undefined) {
      if (name === resumedBy) resumedBy = undefined;
      continue;
    }
    if (!KNOWN.test(name)) continue;
    if (name === "stop-commands") resumedBy = data;
    else if (/^(error|warning|notice)$/.test(name) && modern) {
      const pairs = properties.split(",").filter((pair) => pair !== "");
      annotations.push({
        kind: name,
        message: unescaped(data),
        properties: Object.fromEntries(pairs.map((pair) => [pair.split("=")[0]!, unescaped(pair.slice(pair.indexOf("=") + 1))])),
      });
    } else commands.push(line);
  }
  if (resumedBy !== undefined) throw new Error("commands were switched off and not on again");
  return { annotations, commands };
}

function unescaped(text: string): string {
  const codes: [string, string][] = [
    ["%0D", "\r"],
    ["%0A", "\n"],
    ["%3A", ":"],
    ["%2C", ","],
    ["%25", "%"],
  ];
  return codes.reduce((done, [code, character]) => done.replaceAll(code, character), text);
}
