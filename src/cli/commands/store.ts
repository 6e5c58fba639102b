import { copyLedger, readState, RolloutError, type Store } from "../../app.ts";
import { storeCopyView, storeInitView } from "../../report/store.ts";
import type { StoreCopyReport, StoreInitReport } from "../../report/store.schema.ts";
import type { Cli, Globals } from "../context.ts";
import { open, unknownLedger } from "../target.ts";

/** `rollout store init [--role NAME]`: prepares the store, where it has to be. */
export async function init(cli: Cli, options: Globals & { role?: string }): Promise<number> {
  const { store } = open(cli, options).engine;
  if (!store.init && options.role !== undefined) {
    throw new RolloutError("usage", `${store.address} knows no roles`, {
      hint: "--role is for PostgreSQL: --store postgres://host/database.",
    });
  }
  const { done, warnings } = (await store.init?.({ role: options.role })) ?? { done: [], warnings: [] };
  for (const sentence of warnings) cli.output.progress({ kind: "warning", sentence });
  const report: StoreInitReport = { schema: "rollout.store-init/1", store: store.address, done };
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : storeInitView(report));
  await store.close?.();
  return 0;
}

/** `rollout store copy FROM TO [NAME...]`: ledgers, or all of them, checked on the way and read back. */
export async function copy(cli: Cli, [from, to, ...names]: readonly string[], options: Globals): Promise<number> {
  const [source, target] = [from!, to!].map((address) => open(cli, { ...options, store: address }).engine.store) as [Store, Store];
  const wanted = names.length > 0 ? names : await source.list();
  const report: StoreCopyReport = { schema: "rollout.store-copy/1", from: source.address, to: target.address, ledgers: [] };
  for (const name of wanted) {
    const state = await readState(source, name);
    if (!state) throw unknownLedger(name, source);
    const copied = await copyLedger(source, target, name);
    report.ledgers.push({ ...copied, ended: state.end !== undefined });
    cli.output.talk(`${name}: ${copied.entries} entries, ${copied.added} of them new`);
  }
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : storeCopyView(report, cli.output.style));
  await Promise.all([source.close?.(), target.close?.()]);
  return 0;
}
