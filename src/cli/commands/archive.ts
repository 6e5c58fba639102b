import { archiveLedger, RolloutError, readState } from "../../app.ts";
import { archiveView } from "../../report/store.ts";
import type { ArchiveReport } from "../../report/store.schema.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open, unknownLedger } from "../target.ts";

/** `rollout log archive PLAN|NAME FILE`: the ledger of an ended rollout in one file, checked, that is read like a store. */
export async function archive(cli: Cli, target: string, file: string, options: Globals): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const state = await readState(engine.store, name);
  if (!state) throw unknownLedger(name, engine.store);
  if (!state.end || state.intent) {
    throw new RolloutError("refused", `${name} is not over: its ledger is still written`, {
      hint: `Archive it when it is complete or rolled back; \`rollout store copy\` copies a ledger that goes on.`,
    });
  }
  const archived = await archiveLedger(engine.store, name, file, cli);
  const report: ArchiveReport = { schema: "rollout.log-archive/1", file, ...archived };
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : archiveView(report, cli.output.style));
  return 0;
}
