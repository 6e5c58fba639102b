import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NotDone, type RolloutError } from "../../src/errors.ts";
import { command } from "../../src/flags/command.ts";
import { flagBackends } from "../../src/flags/index.ts";
import { Conflict, traitsOf, type FlagBackend } from "../../src/flags/port.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import { conformanceTarget, expectKnown, flagBackendConformance, note, ownShare, placeOf, type Context } from "../conformance/flags.ts";
import { failure as failureOf } from "../support/failure.ts";
import { realTools, settableClock } from "../support/tools.ts";
import { bucketed } from "./flagService.ts";

const PROGRAM = join(import.meta.dirname, "flag-program.sh");
const CANARY = 'ca"nary+/&%7 sings';
const plain: FlagTarget = conformanceTarget({ audience: { exclude: [], testers: [], holdout: 0, segments: {} } });
const percent = (share: number): Exposure => ({ testers: false, everyone: share * 1000, segments: {} });

function connect(options: Record<string, unknown>, folder: string, env: Record<string, string> = {}) {
  const parsed = command.options.parse(options);
  const tools = realTools({ clock: settableClock(Date.now()), env, folder });
  return { backend: command.connect(parsed, tools), traits: traitsOf(command, parsed) };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "rollout-command-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const everything = ["percentage", "segments", "testers", "eligible", "exclude", "holdout"];

flagBackendConformance("command", async () => {
  const place = await mkdtemp(join(tmpdir(), "rollout-command-"));
  await writeFile(join(place, "other"), "7");
  const read = (name: string) => readFile(join(place, name), "utf8").catch(() => "{}");
  const target = conformanceTarget();
  const { backend, traits } = connect({ command: [PROGRAM, "."], expresses: everything, granularity: "0.001%", checked: true }, place);
  return {
    traits,
    backend,
    target,
    namesGroups: false,
    evaluator: async () => {
      const { percentage = 0, testers = false, segments = {} } = JSON.parse(await read("exposure"));
      const shares = Object.entries(segments as Record<string, number>).map(([name, share]) => [name, share * 1000]);
      return evaluatorOf(target, { testers, everyone: percentage * 1000, segments: Object.fromEntries(shares) as Record<string, number> });
    },
    others: () => read("other"),
    changeByHand: () => writeFile(join(place, "foreign"), "a rule for the moon"),
    close: () => rm(place, { recursive: true, force: true }),
  };
});

/** What a flag system would do that was told the exposure and the audience. */
function evaluatorOf(target: FlagTarget, exposure: Exposure) {
  return (id: string, context: Context) => {
    const place = placeOf(target, exposure, context);
    const held = bucketed(`holdout ${target.key}`, target.audience.holdout / 1000)(id).value === true;
    const share = place === "eligible" && !held ? ownShare(target, exposure, context) / 1000 : place === "tester" ? 100 : 0;
    return bucketed(target.key, share)(id);
  };
}

test("a command is one of the house's backends", () => {
  expect(flagBackends.command).toBe(command);
});

/** A program of node's that answers as the code says, in a file of the plan's folder. */
async function programOf(code: string, more: Record<string, unknown> = {}, env: Record<string, string> = {}): Promise<FlagBackend> {
  const head = `import { readFileSync, writeFileSync } from "node:fs"; const text = readFileSync(0, "utf8"); const question = JSON.parse(text);\n`;
  await writeFile(join(folder, "flag.mjs"), `${head}const say = (answer) => process.stdout.write(JSON.stringify(answer));\n${code}`);
  return connect({ command: [process.execPath, "flag.mjs"], ...more }, folder, env).backend;
}

/** A program of a shell's: one of node's takes long to start. */
async function scriptOf(script: string, more: Record<string, unknown> = {}, env: Record<string, string> = {}): Promise<FlagBackend> {
  await writeFile(join(folder, "flag.sh"), script);
  return connect({ command: ["sh", "flag.sh"], ...more }, folder, env).backend;
}

/** How a script answers. */
const say = (answer: unknown) => `printf %s '${JSON.stringify(answer)}'`;

const failure = async (action: Promise<unknown>): Promise<RolloutError> => {
  const error = await failureOf(action);
  expect(error).not.toBeInstanceOf(NotDone);
  return error;
};

describe("a program", () => {
  test("is asked in JSON, with percentages as people write them", async () => {
    const backend = await programOf(
      `writeFileSync(question.action, text); say(question.action === "read" ? { percentage: 12.5, revision: "r1" } : {});`,
      {
        expresses: everything,
        checked: true,
      },
    );
    const target = conformanceTarget({ unit: { attribute: "userId" } });
    expect(await backend.read(target)).toEqual({ kind: "known", exposure: percent(12.5), revision: "r1" });
    await backend.write(target, { testers: true, everyone: 100, segments: { staff: EVERYBODY } }, "r1", note);
    const { audience, treatment, control, unit } = target;
    const about = { version: 1, key: target.key, target: { treatment, control, unit, audience: { ...audience, holdout: 5 } } };
    expect(JSON.parse(await readFile(join(folder, "read"), "utf8"))).toEqual({ action: "read", ...about });
    expect(JSON.parse(await readFile(join(folder, "write"), "utf8"))).toEqual({
      action: "write",
      ...about,
      exposure: { percentage: 0.1, testers: true, segments: { staff: 100 } },
      ifRevision: "r1",
      note,
    });
  });

  test("has its secrets in its environment, and nobody sees them in its arguments", async () => {
    const code = `writeFileSync("seen", process.env.TOKEN + " " + process.env.REGION); writeFileSync("arguments", readFileSync("/proc/self/cmdline")); say({ percentage: 0 });`;
    const backend = await programOf(code, { env: { TOKEN: "${env:FLAGS_TOKEN}", REGION: "eu" } }, { FLAGS_TOKEN: CANARY });
    await backend.read(plain);
    expect(await readFile(join(folder, "seen"), "utf8")).toBe(`${CANARY} eu`);
    expect(await readFile(join(folder, "arguments"), "utf8")).not.toContain(CANARY);
  });

  test("without revisions is read right before it writes, and what changed meanwhile is a conflict", async () => {
    const code = `
      const { existsSync } = await import("node:fs");
      const now = existsSync("now") ? Number(readFileSync("now", "utf8")) : 0;
      if (question.action === "write") { writeFileSync("now", String(question.exposure.percentage)); say({}); } else say({ percentage: now });
    `;
    const backend = await programOf(code);
    const { revision } = await backend.read(plain);
    await backend.write(plain, percent(5), revision, note);
    expectKnown(await backend.read(plain), percent(5));
    await expect(backend.write(plain, percent(25), revision, note)).rejects.toBeInstanceOf(Conflict);
    expectKnown(await backend.read(plain), percent(5));
  });

  test.each([
    ["a conflict", say({ conflict: "somebody was quicker" })],
    ["a conflict, and fails", `${say({ conflict: "somebody was quicker" })}; exit 1`],
  ])("that answers a write with %s has written nothing", async (_, script) => {
    const backend = await scriptOf(script, { checked: true });
    await expect(backend.write(plain, percent(5), "1", note)).rejects.toBeInstanceOf(Conflict);
  });

  test("that finds something else than an exposure says so, and off can be written over it", async () => {
    const code = `question.action === "read" ? say({ foreign: "a ramp of its own", revision: "3" }) : say({})`;
    const backend = await programOf(code, { checked: true });
    expect(await backend.read(plain)).toEqual({ kind: "foreign", found: "a ramp of its own", revision: "3" });
    await backend.write(plain, OFF, "3", note);
  });

  test("that names a segment that the plan has not found something else than an exposure", async () => {
    const backend = await programOf(`say({ exposure: { segments: { moon: 5 } } })`, { expresses: everything });
    expect(await backend.read(conformanceTarget())).toMatchObject({ kind: "foreign", found: expect.stringContaining("moon") });
  });

  test("is not asked for what it cannot say", async () => {
    const backend = await programOf(`writeFileSync("asked", text); say({})`, { checked: true });
    await failure(backend.write(plain, { testers: true, everyone: 0, segments: {} }, "1", note));
    await failure(backend.write(plain, { testers: false, everyone: 0, segments: { staff: 5 } }, "1", note));
    await expect(readFile(join(folder, "asked"))).rejects.toThrow("ENOENT");
  });
});

describe("a program that fails is told with what it said:", () => {
  test.each<[string, string, string]>([
    [
      "an error of its own",
      `${say({ error: "the vendor said no", hint: "renew the token" })}; exit 1`,
      "could not read the flag: the vendor said no",
    ],
    ["a status", `printf 'no such\\n  environment\\n' >&2; exit 3`, "ended with status 3, asked to read: no such environment"],
    ["a signal", "kill -KILL $$; sleep 600", "was ended by a signal, asked to read"],
    ["nothing", "printf hm >&2", "answered, asked to read, what was not agreed: nothing: hm"],
    ["garbage", "printf percentage=5", "answered, asked to read, what was not agreed: no JSON: percentage=5"],
    ["two answers", `${say({ percentage: 5 })}; ${say({ percentage: 5 })}`, 'no JSON: {"percentage":5}{"percentage":5}'],
    [
      "more than everybody",
      say({ percentage: 150, revision: "1" }),
      'percentage: expected a number from 0 to 100: {"percentage":150,"revision":"1"}',
    ],
    ["a revision that is a number", say({ percentage: 5, revision: 7 }), "revision: expected a text of 1 to 1000 characters"],
    ["a word that was not agreed", say({ percentage: 5, revison: "7" }), 'Unrecognized key: "revison"'],
    ["a share that is too fine", say({ percentage: 0.00001 }), "expected a percentage no finer than 0.001"],
    ["a list", say([5]), "what was not agreed"],
    ["a gigabyte", "head -c 1G /dev/zero", "wrote more than 262144 bytes and was stopped"],
  ])("%s", async (_, script, message) => {
    const error = await failure((await scriptOf(script)).read(plain));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain(message);
  });

  test("it hangs, and is left when the time to write is over", async () => {
    const backend = await scriptOf("sleep 600", { checked: true });
    const error = await failure(backend.write(plain, percent(5), "1", note, 400));
    expect(error.message).toMatch(/was not done within 0\.\d+ s and was stopped/);
  });

  test("it forks somebody who keeps its output open, and has answered all the same", async () => {
    expectKnown(await (await scriptOf(`sleep 600 & ${say({ percentage: 5 })}`)).read(plain), percent(5));
  });

  test("it is not there, or cannot be run", async () => {
    const { backend } = connect({ command: ["./flag.sh"] }, folder);
    expect((await failure(backend.read(plain))).message).toBe("there is no program ./flag.sh");
    await writeFile(join(folder, "flag.sh"), "exit 0");
    expect(await failure(backend.read(plain))).toMatchObject({ hint: expect.stringContaining("chmod +x") });
  });

  test("it is not begun when no time is left", async () => {
    const backend = await programOf(`writeFileSync("asked", text); say({})`, { checked: true });
    await expect(backend.write(plain, percent(5), "1", note, 0)).rejects.toBeInstanceOf(NotDone);
    await expect(readFile(join(folder, "asked"))).rejects.toThrow("ENOENT");
  });

  test.each([
    ["its complaint", `printf %s "$TOKEN" >&2; exit 1`],
    ["an error", say({ error: CANARY, hint: CANARY })],
    ["a conflict", say({ conflict: CANARY })],
    ["what it found", say({ foreign: CANARY })],
    ["garbage", `printf %s ${encodeURIComponent(CANARY)}${Buffer.from(CANARY).toString("base64")}`],
    ["a wrong answer", say({ percentage: CANARY })],
    ["a complaint before it hangs", `printf %s "$TOKEN" >&2; sleep 600`],
  ])("it says its secret in %s, and nobody repeats it", async (_, script) => {
    const backend = await scriptOf(script, { env: { TOKEN: "${env:FLAGS_TOKEN}" }, checked: true }, { FLAGS_TOKEN: CANARY });
    const hangs = script.includes("sleep");
    const outcomes = await Promise.all(
      [...(hangs ? [] : [backend.read(plain)]), backend.write(plain, percent(5), "1", note, hangs ? 1_000 : 10_000)].map((each) =>
        each.catch((caught: unknown) => caught),
      ),
    );
    const told = outcomes.map((each) =>
      each instanceof Error ? `${each.message} ${String((each as RolloutError).hint)}` : JSON.stringify(each),
    );
    told.push(backend.byHand(plain));
    const giveaways = [CANARY, JSON.stringify(CANARY).slice(1, -1), encodeURIComponent(CANARY), Buffer.from(CANARY).toString("base64")];
    for (const giveaway of giveaways) expect(told.join("\n")).not.toContain(giveaway);
    expect(told.join("\n")).toContain("[secret]");
  });
});

test("by hand a person says the same to the program, whatever is there", async () => {
  const { backend } = connect({ command: [PROGRAM, "."], expresses: everything, checked: true }, folder);
  await backend.write(plain, percent(50), "0", note);
  const line = backend.byHand(plain);
  expect(line).toContain("in the plan's folder, ");
  const { spawnSync } = await import("node:child_process");
  expect(spawnSync("sh", ["-c", line.replace("in the plan's folder, ", "")], { cwd: folder }).status).toBe(0);
  expectKnown(await backend.read(plain), OFF);
  expect(connect({ command: ["x"], byHand: "call the on-call" }, folder).backend.byHand(plain)).toBe("call the on-call");
});
