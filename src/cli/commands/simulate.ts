import { simulatePlan, simulationFor, type SimulationOptions } from "../../app.ts";
import { simulateReport } from "../../report/simulate.ts";
import { simulateView } from "../../report/simulateView.ts";
import type { Cli, Globals } from "../context.ts";
import { planOf } from "../target.ts";

/** `rollout simulate PLAN`: offline; 0 whatever is found, 130 when it is stopped before it is done. */
export async function simulate(cli: Cli, path: string, { json, ...options }: Globals & SimulationOptions): Promise<number> {
  const { output, stop } = cli;
  const { plan, hash } = await planOf(cli, path);
  const simulation = simulationFor(plan, options);
  const simulated = await simulatePlan(simulation, { stop, tell: (note) => output.progress(note) });
  output.quiet();
  const report = simulateReport(simulation, hash, simulated);
  output.data(json ? `${JSON.stringify(report)}\n` : simulateView(report, plan, output.style));
  return 0;
}
