import { createHash } from "node:crypto";
import { z } from "zod";
import { inOneLine, NotDone, RolloutError } from "../errors.ts";
import type { Ended, Tools } from "../io/port.ts";
import type { Exposure } from "../model/exposure.ts";
import type { FlagReading, FlagTarget } from "../model/flag.ts";
import { parseSecret, type Secret } from "../model/secret.ts";
import { readAnswer, offText, requestText, writeAnswer, type Question } from "./command-protocol.ts";
import { beyond, expressions, granularityOption, shareOf } from "./percentage.ts";
import { Conflict, defineFlagBackend, type FlagBackendTraits } from "./port.ts";

/**
 * A program of the team's own that reads and sets the flag. It is run without a shell, asked in JSON, and believed only as
 * far as its answer is what was agreed.
 */

const NAME = "a flag by command";
const READ_WITHIN = 10_000;
const MAX_BYTES = 256 * 1024;
const LONGEST_NAME = 80;

/** A variable's value: a plain text, or a whole reference to a secret. */
const variable = z.string().transform((text, context): string | Secret => {
  const reference = parseSecret(text);
  if (!reference && text.includes("${"))
    context.addIssue({ code: "custom", message: "a reference to a secret is the whole value of a variable, or none of it" });
  return reference ?? text;
});

const noShell = "a command is a list, the program and its arguments, since there is no shell: write [./flag.sh, --env, prod]";

const options = z.strictObject({
  command: z
    .array(z.string(), { error: ({ code }) => (code === "invalid_type" ? noShell : undefined) })
    .min(1)
    .refine((list) => list[0] !== "", "the first of the list is the program")
    .refine(
      (list) => !list.some((each) => each.includes("${")),
      "an argument is seen by everybody on the machine: give a secret to the program by `env`",
    )
    .describe("The program and its arguments; a relative path is relative to the plan's folder."),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: "not a name of a variable" }), variable)
    .optional()
    .describe("Variables of its environment, besides PATH, HOME and the like."),
  expresses: z.array(z.enum(expressions)).min(1).default(["percentage"]).describe("What of an exposure it can say. Default: [percentage]."),
  checked: z.boolean().default(false).describe("Whether it compares `ifRevision` with what is there in one step with its write."),
  granularity: granularityOption,
  byHand: z.string().min(1).optional().describe("How a person switches the flag off, such as a link. Default: the program."),
});
type Options = z.output<typeof options>;

export const command = defineFlagBackend({
  name: "command",
  options,
  granularity: 1,
  concurrency: "bestEffort",
  propagation: 60_000,
  traits: ({ granularity, checked }): Pick<FlagBackendTraits, "granularity" | "concurrency"> => ({
    granularity,
    concurrency: checked ? "checked" : "bestEffort",
  }),
  cannotExpress: (target, { expresses }) => beyond(expresses, NAME, target),
  connect(given, tools) {
    const variables = Object.entries(given.env ?? {}).map(([name, value]) => [
      name,
      typeof value === "string" ? value : tools.reveal(value),
    ]);
    const program: Program = { given, tools, env: Object.fromEntries(variables) as Record<string, string> };
    return {
      read: (target) => read(program, target, READ_WITHIN),
      async write(target, exposure, ifRevision, note, within = target.writeWithin) {
        const end = tools.clock.monotonic() + within;
        checkExpressed(given, exposure);
        if (!given.checked) {
          const now = await read(program, target, within);
          if (now.revision !== ifRevision) throw new Conflict(`the flag ${target.key} is at revision ${now.revision}, not ${ifRevision}`);
        }
        const left = Math.floor(end - tools.clock.monotonic());
        if (left <= 0) throw new NotDone("unreachable", `the program ${nameOf(given)} was not asked to write: there was no time left`);
        await ask(program, target, { action: "write", exposure, ifRevision, note }, writeAnswer, left);
      },
      byHand: (target) => byHandText(given, target),
    };
  },
});

interface Program {
  given: Options;
  tools: Tools;
  env: Record<string, string>;
}

async function read(program: Program, target: FlagTarget, within: number): Promise<FlagReading> {
  const answer = await ask(program, target, { action: "read" }, readAnswer, Math.min(within, READ_WITHIN));
  const { revision = contentRevision(answer) } = answer;
  if ("foreign" in answer) return { kind: "foreign", found: program.tools.redact(answer.foreign), revision };
  if ("exposure" in answer) {
    const { exposure } = answer;
    const stranger = Object.keys(exposure.segments).find((name) => !Object.hasOwn(target.audience.segments, name));
    if (stranger === undefined) return { kind: "known", exposure, revision };
    return { kind: "foreign", found: `it has a share for ${stranger}, which is no segment of the plan`, revision };
  }
  return { kind: "known", exposure: { testers: false, everyone: answer.percentage, segments: {} }, revision };
}

/** For a program without revisions: it shows what is different now, not that the same was written again. */
function contentRevision(answer: object): string {
  return `content-${createHash("sha256").update(JSON.stringify(answer)).digest("hex").slice(0, 32)}`;
}

type Refusal = { error: string; hint?: string | undefined } | { conflict: string };

/** Runs the program and gives its answer. Throws `Conflict` for a conflict, `RolloutError` (`unreachable`) for all else. */
async function ask<Answer extends object>(
  { given, tools, env }: Program,
  target: FlagTarget,
  question: Question,
  schema: z.ZodType<Answer>,
  deadline: number,
): Promise<Exclude<Answer, Refusal>> {
  const [file, ...args] = given.command as [string, ...string[]];
  const name = nameOf(given);
  const executed = await tools.exec.run(file, args, {
    name,
    input: `${requestText(target, question)}\n`,
    env,
    deadline,
    maxBytes: MAX_BYTES,
  });
  const failed = (what: string, hint: string) =>
    new RolloutError("unreachable", tools.redact(`the program ${name} ${what}`), { hint: tools.redact(hint) });
  const answer = schema.safeParse(parse(executed.stdout));
  const refusal = answer.success && isRefusal(answer.data) ? answer.data : undefined;
  // What it says of its own failure is better than its exit status.
  if (refusal && "conflict" in refusal) throw new Conflict(tools.redact(refusal.conflict));
  if (refusal) throw failed(`could not ${question.action} the flag: ${refusal.error}`, refusal.hint ?? "run it by hand to see more");
  const action = `asked to ${question.action}`;
  if (executed.status !== 0) throw failed(`${endOf(executed)}, ${action}${quoted(executed.stderr, tools)}`, "run it by hand to see more");
  if (answer.success) return answer.data as Exclude<Answer, Refusal>;
  throw failed(
    `answered, ${action}, what was not agreed: ${problemOf(answer.error, executed, tools)}`,
    "docs/flag-backends.md says what a program answers",
  );
}

/** The program with its arguments: `node` alone says little. */
function nameOf({ command: list }: Options): string {
  return inOneLine(list.join(" "), LONGEST_NAME);
}

function isRefusal(answer: object): answer is Refusal {
  return "error" in answer || "conflict" in answer;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function endOf({ status }: Ended<string>): string {
  return status === null ? "was ended by a signal" : `ended with status ${status}`;
}

/** What it said instead, and if it was JSON, what of it was wrong. */
function problemOf(error: z.ZodError, { stdout, stderr }: Ended<string>, tools: Tools): string {
  if (stdout.trim() === "") return `nothing${quoted(stderr, tools)}`;
  // Of the answers that there are, the one that it comes nearest to.
  const [first] = error.issues;
  const issue = first?.code === "invalid_union" ? first.errors.toSorted((a, b) => a.length - b.length)[0]?.[0] : first;
  const place = issue && issue.path.length > 0 ? `${issue.path.join(".")}: ` : "";
  const why = parse(stdout) === undefined ? "no JSON" : `${place}${issue?.message ?? "not an answer"}`;
  return `${why}${quoted(stdout, tools)}`;
}

function quoted(text: string, { redact }: Tools): string {
  const line = inOneLine(redact(text));
  return line === "" ? "" : `: ${line}`;
}

/** A plan in a ledger may be of other options than those that its exposures were made with. */
function checkExpressed({ expresses }: Options, exposure: Exposure): void {
  const { testers, segments } = exposure;
  shareOf(
    { ...exposure, testers: testers && !expresses.includes("testers"), segments: expresses.includes("segments") ? {} : segments },
    NAME,
  );
}

function byHandText({ byHand, command: list }: Options, target: FlagTarget): string {
  if (byHand !== undefined) return byHand;
  const quote = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
  return `in the plan's folder, printf %s ${quote(offText(target))} | ${list.map(quote).join(" ")}`;
}
