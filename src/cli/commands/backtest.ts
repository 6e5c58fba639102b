import { backtestFile } from "../../app.ts";
import { backtestReport, backtestView } from "../../report/backtest.ts";
import type { Cli, Globals } from "../context.ts";
import { planOf } from "../target.ts";

/** `rollout backtest PLAN --observations FILE`: offline; 0 when the file could be replayed, whatever came of it. */
export async function backtest(cli: Cli, path: string, { json, observations }: Globals & { observations: string }): Promise<number> {
  const { output } = cli;
  const { plan } = await planOf(cli, path);
  const { series, looks, warnings } = await backtestFile(plan, observations, cli);
  for (const sentence of warnings) output.progress({ kind: "warning", sentence });
  const reports = series.map(backtestReport);
  if (json) for (const report of reports) output.data(`${JSON.stringify(report)}\n`);
  else output.data(backtestView(plan.rollout, reports, looks, output.style));
  return 0;
}
