import { readState, readStates, RolloutError, type App } from "../../app.ts";
import type { State } from "../../model/state.ts";
import { statusListView, statusOf, statusView } from "../../report/status.ts";
import type { StatusList } from "../../report/status.schema.ts";
import { statusListMarkdown, statusMarkdown } from "../../report/statusMarkdown.ts";
import type { Cli, Summarised } from "../context.ts";
import { summarise } from "../summary.ts";
import { choose, open, unknownLedger } from "../target.ts";

/** `rollout status [PLAN|NAME]`: reads the ledger alone. */
export async function status(cli: Cli, target: string | undefined, options: Summarised): Promise<number> {
  const { engine } = open(cli, options);
  const now = engine.clock.now();
  const show = (report: unknown, view: string) => cli.output.data(options.json ? `${JSON.stringify(report)}\n` : view);
  if (target === undefined) {
    const list = await listOf(engine, now);
    show(list, statusListView(list, now, cli.output.style));
    await summarise(cli, options, list, statusListMarkdown);
    const failure = list.rollouts.find((each) => "error" in each);
    return failure && "error" in failure ? new RolloutError(failure.code, "").exitStatus : 0;
  }
  const { name, file } = await choose(cli, target);
  const report = statusOf(await stateIn(engine, name), now, file?.hash);
  show(report, statusView(report, now, cli.output.style));
  await summarise(cli, options, report, (each) => statusMarkdown(each, now));
  return 0;
}

async function listOf({ store }: App["engine"], now: number): Promise<StatusList> {
  const states = await readStates(store, await store.list());
  const rollouts = [...states].flatMap(([rollout, state]): StatusList["rollouts"] => {
    // One damaged ledger does not hide the others.
    if (state instanceof RolloutError) return [{ rollout, code: state.code, error: state.message }];
    return state ? [statusOf(state, now)] : [];
  });
  return { schema: "rollout.status-list/1", store: store.address, rollouts };
}

async function stateIn({ store }: App["engine"], name: string): Promise<State> {
  const state = await readState(store, name);
  if (state) return state;
  throw unknownLedger(name, store);
}
