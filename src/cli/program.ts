import { Command, CommanderError, Option } from "commander";
import { messageOf, RolloutError } from "../errors.ts";
import manifest from "../../package.json" with { type: "json" };
import type { ErrorReport } from "../report/error.schema.ts";
import { terminalText } from "../report/text.ts";
import type { Cli } from "./context.ts";
import { summarisingFailures } from "./summary.ts";
import { OBSERVATIONS_HELP, withSimulation } from "./trialOptions.ts";

/** Runs the command that the arguments name, says what went wrong if something did, and gives the exit status. */
export async function main(args: readonly string[], cli: Cli): Promise<number> {
  let status = 0;
  const program = programOf(cli, (result) => (status = result));
  try {
    await program.parseAsync(args, { from: "user" });
    return status;
  } catch (error) {
    // The options may not have been understood when the mistake was found.
    const json = args.includes("--json");
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : reportMistake(error, cli, json);
    return report(error, cli, json);
  } finally {
    cli.output.quiet();
  }
}

/** Tells the user of a failure: known ones with what to do next, unknown ones as the defects that they are. */
function report(error: unknown, { output, env }: Cli, json: boolean): number {
  const known = error instanceof RolloutError ? error : new RolloutError("unexpected", messageOf(error), { cause: error, hint: DEFECT });
  const { code, message, hint, exitStatus } = known;
  const { talkStyle: style } = output;
  const lines = message.split("\n").map(terminalText);
  output.talk(`${style.red("error:")} ${lines.join("\n")}`);
  if (hint !== undefined) output.talk(`${style.dim("hint:")} ${terminalText(hint)}`);
  if (code === "unexpected" && env["ROLLOUT_DEBUG"] && error instanceof Error) output.talk(error.stack ?? "");
  if (json) output.data(errorLine({ schema: "rollout.error/1", code, message, ...(hint !== undefined && { hint }) }));
  return exitStatus;
}

/** A mistake on the command line: commander has told it in words already. */
function reportMistake({ message }: CommanderError, { output }: Cli, json: boolean): number {
  const said = message.replace(/^error: /, "").replaceAll("\n", " ");
  if (json) output.data(errorLine({ schema: "rollout.error/1", code: "usage", message: said, hint: "See `rollout --help`." }));
  return new RolloutError("usage", said).exitStatus;
}

function errorLine(report: ErrorReport): string {
  return `${JSON.stringify(report)}\n`;
}

const DEFECT = "This is a defect of rollout. Set ROLLOUT_DEBUG=1 to see where it happened, and report it.";

const TARGET = "a plan file, or the name of a rollout";
const PLAN = "a plan file";

function programOf(cli: Cli, finish: (status: number) => void): Command {
  const program = new Command("rollout");
  program
    .description("Progressive rollouts of feature flags: staged, measured, guarded, recorded.")
    .version(manifest.version, "-V, --version", "print the version")
    .option("--json", "print the result as JSON")
    .option(
      "--store <address>",
      "where the ledgers are: a directory, git:REMOTE, or postgres://HOST/DATABASE (default: ROLLOUT_STORE, or .rollout at the root of the repository)",
    )
    .option("--trust-plan", "go out although a pull request from a fork began this job")
    .option("--no-input", "never ask")
    .showHelpAfterError("(see rollout --help)")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => cli.output.data(text),
      writeErr: (text) => cli.output.talk(text.trimEnd()),
    });

  /** Adds a command whose module is read only when it runs. */
  const add = <Module>(
    parent: Command,
    usage: string,
    description: string,
    load: () => Promise<Module>,
    run: (module: Module, args: readonly string[], options: never) => Promise<number>,
  ): Command =>
    parent
      .command(usage)
      .description(description)
      .action(async (...given: unknown[]) => {
        const command = given.at(-1) as Command;
        const options = command.optsWithGlobals();
        finish(await summarisingFailures(cli, options, async () => run(await load(), command.args, options as never)));
      });

  const summary = () => new Option("--summary <file>", "append the result to a file, as Markdown");

  program.commandsGroup("Plan, offline:");
  add(
    program,
    "validate",
    "check plans; all errors at once",
    () => import("./commands/validate.ts"),
    (m, args, o) => m.validate(cli, args, o),
  )
    .argument("<plan...>", PLAN)
    .option("--code-quality <file>", "write what is wrong to a file as GitLab's Code Quality report");
  add(
    program,
    "explain",
    "preview a plan: who, when, what guards",
    () => import("./commands/explain.ts"),
    (m, [plan], o) => m.explain(cli, plan!, o),
  )
    .argument("<plan>", PLAN)
    .addOption(summary());
  const each = (text: string, before: string[] = []) => [...before, text];
  add(
    program,
    "size",
    "how small a harm each stage can see, and the audience that it takes",
    () => import("./commands/size.ts"),
    (m, [plan], o) => m.size(cli, plan!, o),
  )
    .argument("<plan>", PLAN)
    .option("--traffic <requests>", "requests of everybody, such as 6000/min (default: the plan's audience.traffic)")
    .option("--units <number>", "how many users there are (default: the plan's audience.units)")
    .option("--base <metric=value>", "what a metric is without harm, such as errors=0.5% (default: half of its limit, or 1%)", each)
    .option("--spread <metric=percent>", "how far values spread, such as basket=80% (default: means by as much as they are)", each);
  add(
    program,
    "backtest",
    "replay measurements: when would the plan have acted?",
    () => import("./commands/backtest.ts"),
    (m, [plan], o) => m.backtest(cli, plan!, o),
  )
    .argument("<plan>", PLAN)
    .requiredOption("--observations <file>", "measurements as JSONL or CSV; - reads them from stdin")
    .addHelpText("after", OBSERVATIONS_HELP);
  withSimulation(
    add(
      program,
      "simulate",
      "try a plan on users that are made up: what it finds, how soon, at what cost",
      () => import("./commands/simulate.ts"),
      (m, [plan], o) => m.simulate(cli, plan!, o),
    ).argument("<plan>", PLAN),
  );

  program.commandsGroup("Roll out:");
  const detailed = () =>
    new Option("--detailed-exitcode", "tell apart: 20 holding, 22 lost to another runner, 23 rolled back before, 24 paused before");
  const adopt = () => new Option("--adopt", "begin where the flag is, if it is on already; writes no flag");
  const rollbackFor = () => new Option("--rollback-for <duration>", "how long a rollback that fails is tried again (default: 10m)");
  add(
    program,
    "advance",
    "start if new, look once, decide once, move at most one stage",
    () => import("./commands/advance.ts"),
    (m, [target], o) => m.advance(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--wait <duration>", "keep looking until it moves, for so long")
    .option("--dry-run", "do all but write")
    .addOption(adopt())
    .addOption(detailed())
    .addOption(rollbackFor())
    .addOption(summary());
  add(
    program,
    "run",
    "go on to the end, or until a person is needed",
    () => import("./commands/run.ts"),
    (m, [target], o) => m.run(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .addOption(adopt())
    .addOption(detailed())
    .addOption(rollbackFor())
    .addOption(summary());
  add(
    program,
    "rollback",
    "turn the feature off for everybody, now",
    () => import("./commands/rollback.ts"),
    (m, [target], o) => m.rollback(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--reason <text>", "why, for the ledger")
    .addOption(rollbackFor())
    .addOption(summary());
  add(
    program,
    "pause",
    "stop advancing; guarding goes on",
    () => import("./commands/pause.ts"),
    (m, [target], o) => m.pause(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--reason <text>", "why, for the ledger");
  add(
    program,
    "resume",
    "let a paused rollout go on",
    () => import("./commands/resume.ts"),
    (m, [target], o) => m.resume(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .addOption(new Option("--adopt", "take over the exposure that the flag has now").conflicts("restore"))
    .option("--restore", "write the exposure that the ledger says")
    .option("--despite-breach", "go on although a guardrail broke; its evidence begins again")
    .option("--reason <text>", "why, for the ledger");
  add(
    program,
    "accept",
    "make a changed plan file the plan of the run",
    () => import("./commands/accept.ts"),
    (m, [plan], o) => m.accept(cli, plan!, o),
  ).argument("<plan>", PLAN);
  add(
    program,
    "restart",
    "begin the next run of an ended rollout",
    () => import("./commands/restart.ts"),
    (m, [target], o) => m.restart(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--reason <text>", "why another run")
    .addOption(adopt());

  program.commandsGroup("Look:");
  add(
    program,
    "status",
    "why a rollout stands where it stands, and what it waits for; without a name, all of them",
    () => import("./commands/status.ts"),
    (m, [target], o) => m.status(cli, target, o),
  )
    .argument("[target]", TARGET)
    .addOption(summary());
  const log = add(
    program,
    "log",
    "what happened, entry by entry",
    () => import("./commands/log.ts"),
    (m, [target], o) => m.log(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--follow", "wait for more");
  add(
    log,
    "verify",
    "check that nothing in the ledger was changed",
    () => import("./commands/verify.ts"),
    (m, [target], o) => m.verify(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .option("--replay", "judge and decide every look again from what it read: it must say the same")
    .option("--head <hash>", "the hash of an entry that you kept: nothing up to it may have changed or be gone")
    .option("--key <file>", "public keys that you trust, never from the store: the last change must be signed by one of them", each);
  add(
    log,
    "export",
    "print what was measured, for `backtest`, or every entry",
    () => import("./commands/log.ts"),
    (m, [target], o) => m.exportLog(cli, target!, o),
  )
    .argument("<target>", TARGET)
    .addOption(new Option("--format <format>", "as what").choices(["observations", "jsonl", "csv"]).default("observations"))
    .option("--run <number>", "that run alone");
  add(
    log,
    "archive",
    "put the ledger of an ended rollout into one file, which is read like a store",
    () => import("./commands/archive.ts"),
    (m, [target, file], o) => m.archive(cli, target!, file!, o),
  )
    .argument("<target>", TARGET)
    .argument("<file>", "the file to make, such as checkout.ledger");
  add(
    program,
    "metrics",
    "ask every metric of a plan once and show what came",
    () => import("./commands/metrics.ts"),
    (m, [target], o) => m.metrics(cli, target!, o),
  ).argument("<target>", TARGET);
  const store = program.command("store").description("where the ledgers are");
  add(
    store,
    "init",
    "prepare a database for ledgers, once",
    () => import("./commands/store.ts"),
    (m, _, o) => m.init(cli, o),
  ).option("--role <name>", "let this role of the database read and append, and nothing else");
  add(
    store,
    "copy",
    "copy ledgers from one store into another, checked on the way",
    () => import("./commands/store.ts"),
    (m, args, o) => m.copy(cli, args, o),
  )
    .argument("<from>", "a store, as for --store")
    .argument("<to>", "a store, as for --store")
    .argument("[name...]", "the rollouts (default: all)");
  add(
    program,
    "demo",
    "watch a rollout on a small shop of its own; nothing to install",
    () => import("./commands/demo.ts"),
    (m, _, o) => m.demo(cli, o),
  ).addOption(new Option("--break <what>", "make the new path bad, and watch it rolled back").choices(["errors", "latency"]));
  return program;
}
