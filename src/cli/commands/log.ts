import { exportObservations, followLedger, openVoucher, readLedger, readPublicKeys, RolloutError, type ReadEntry } from "../../app.ts";
import { logLine } from "../../report/log.ts";
import { verificationView } from "../../report/verification.ts";
import type { Verification } from "../../report/log.schema.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open } from "../target.ts";

/** `rollout log PLAN|NAME [--follow]`: a line an entry; with `--json`, an object a line. */
export async function log(cli: Cli, target: string, options: Globals & { follow?: boolean }): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const { store, clock, stop } = engine;
  const print = ({ entry, hash, state }: ReadEntry) => {
    const line = options.json ? JSON.stringify({ schema: "rollout.log/1", hash, entry }) : logLine(entry, state.plan, cli.output.style);
    cli.output.data(`${line}\n`);
  };
  const entries = await readLedger(store, name);
  if (entries.length === 0 && !options.follow) throw unknown(name, store.address);
  entries.forEach(print);
  if (options.follow) for await (const entry of followLedger(store, name, entries.at(-1), clock, stop)) print(entry);
  return 0;
}

/** `rollout log verify PLAN|NAME [--head HASH] [--key FILE]`: 7 when something is not as it was written, or nobody vouches for it. */
export async function verify(cli: Cli, target: string, options: Globals & { head?: string; key?: string[] }): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  if (options.head !== undefined && !/^[0-9a-f]{64}$/.test(options.head)) {
    throw new RolloutError("usage", "--head is not a hash", { hint: "Give all 64 hex digits, as every change prints them after `head`." });
  }
  const voucher = openVoucher(name, options.key && (await readPublicKeys(options.key, cli)));
  const entries = await readLedger(engine.store, name, (entry, stored) => voucher.look(entry, stored));
  const last = entries.at(-1);
  if (!last) throw options.head === undefined ? unknown(name, engine.store.address) : cutOff(name, options.head);
  const given = entries.find(({ hash }) => hash === options.head);
  if (options.head !== undefined && !given) throw cutOff(name, options.head);
  const head = (each: ReadEntry) => ({ seq: each.entry.seq, hash: each.hash });
  const signatures = voucher.result(given?.entry.seq);
  const report: Verification = {
    schema: "rollout.log-verify/1",
    rollout: name,
    entries: entries.length,
    head: head(last),
    ...(given && { given: head(given) }),
    ...(signatures && { signatures }),
  };
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : verificationView(report, cli.output.style));
  return 0;
}

/** `rollout log export PLAN|NAME [--run N]`: what was measured, as `backtest` reads it; what cannot be replayed is told. */
export async function exportLog(cli: Cli, target: string, options: Globals & { run?: string }): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const entries = await readLedger(engine.store, name);
  if (entries.length === 0) throw unknown(name, engine.store.address);
  const last = entries.at(-1)!.entry.run;
  const run = options.run === undefined ? undefined : Number(options.run);
  if (run !== undefined && !(Number.isInteger(run) && run >= 1 && run <= last)) {
    throw new RolloutError("usage", `--run: ${name} has no run ${options.run}`, { hint: `Its runs are 1 to ${last}.` });
  }
  const { rows, warnings } = exportObservations(entries, run);
  for (const sentence of warnings) cli.output.progress({ kind: "warning", sentence });
  for (const row of rows) cli.output.data(`${JSON.stringify(row)}\n`);
  return 0;
}

function unknown(name: string, address: string): RolloutError {
  return new RolloutError("usage", `there is no rollout ${name} in ${address}`, {
    hint: "`rollout status` lists what there is; --store names another place.",
  });
}

function cutOff(name: string, head: string): RolloutError {
  return new RolloutError(
    "damaged",
    `ledger ${name}: no entry has the hash ${head.slice(0, 12)}…; its tail was cut off, or it was written anew`,
    {
      hint: "Compare with a copy of the ledger from when that head was printed.",
    },
  );
}
