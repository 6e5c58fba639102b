import { exportObservations, followLedger, readLedger, readState, RolloutError, type App, type ReadEntry } from "../../app.ts";
import { CSV_HEADER, csvLine, logLine } from "../../report/log.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open, unknownLedger } from "../target.ts";

/** `rollout log PLAN|NAME [--follow]`: a line an entry; with `--json`, an object a line. */
export async function log(cli: Cli, target: string, options: Globals & { follow?: boolean }): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const { store, clock, stop } = engine;
  const print = ({ entry, hash, state }: ReadEntry) => {
    const line = options.json ? JSON.stringify({ schema: "rollout.log/1", hash, entry }) : logLine(entry, state.plan, cli.output.style);
    cli.output.data(`${line}\n`);
  };
  let last: ReadEntry | undefined;
  for await (const entry of readLedger(store, name)) print((last = entry));
  if (!last && !options.follow) throw unknownLedger(name, store);
  if (options.follow) for await (const entry of followLedger(store, name, last, clock, stop)) print(entry);
  return 0;
}

interface ExportOptions extends Globals {
  format: "observations" | "jsonl" | "csv";
  run?: string;
}

/**
 * `rollout log export PLAN|NAME [--format …] [--run N]`: what was measured, as `backtest` reads it (what cannot be replayed is
 * told); or every entry, as JSON or as a table.
 */
export async function exportLog(cli: Cli, target: string, { format, run: wanted, ...options }: ExportOptions): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const run = await runOf(engine, name, wanted);
  const print = (line: string) => cli.output.data(`${line}\n`);
  const observer = exportObservations(run);
  if (format === "csv") print(CSV_HEADER);
  for await (const read of readLedger(engine.store, name)) {
    const { entry, hash, state } = read;
    if (run !== undefined && entry.run !== run) continue;
    switch (format) {
      case "observations":
        for (const row of observer.take(read)) print(JSON.stringify(row));
        break;
      case "jsonl":
        print(JSON.stringify({ schema: "rollout.log/1", hash, entry }));
        break;
      case "csv":
        print(csvLine(entry, state.plan, hash));
        break;
      default:
        format satisfies never;
    }
  }
  for (const sentence of observer.warnings()) cli.output.progress({ kind: "warning", sentence });
  return 0;
}

/** The run that is asked for; nothing for all of them. */
async function runOf({ store }: App["engine"], name: string, wanted: string | undefined): Promise<number | undefined> {
  const state = await readState(store, name);
  if (!state) throw unknownLedger(name, store);
  if (wanted === undefined) return undefined;
  const run = Number(wanted);
  if (Number.isInteger(run) && run >= 1 && run <= state.run) return run;
  throw new RolloutError("usage", `--run: ${name} has no run ${wanted}`, { hint: `Its runs are 1 to ${state.run}.` });
}
