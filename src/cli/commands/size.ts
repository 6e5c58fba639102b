import { sizePlan, type SizeOptions } from "../../app.ts";
import { sizeReport, sizeView } from "../../report/size.ts";
import type { Cli, Globals } from "../context.ts";
import { planOf } from "../target.ts";

/** `rollout size PLAN`: offline; 0 whatever is found. */
export async function size(cli: Cli, path: string, { json, ...options }: Globals & SizeOptions): Promise<number> {
  const { plan, hash } = await planOf(cli, path);
  const report = sizeReport(sizePlan(plan, options), hash);
  cli.output.data(json ? `${JSON.stringify(report)}\n` : sizeView(report, cli.output.style));
  return 0;
}
