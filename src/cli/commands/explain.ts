import { previewPlanFile } from "../../app.ts";
import { explainPlan } from "../../report/explain.ts";
import { explainView } from "../../report/explainView.ts";
import { validation, validationView } from "../../report/validate.ts";
import type { Cli, Globals } from "../context.ts";
import { invalid } from "../target.ts";

/** `rollout explain PLAN`: offline. */
export async function explain(cli: Cli, path: string, { json }: Globals): Promise<number> {
  const { reading, size } = await previewPlanFile(path, cli);
  if (!reading.valid) {
    cli.output.talk(validationView(validation([{ file: path, reading }]), cli.output.talkStyle));
    throw invalid({ path, reading });
  }
  const preview = explainPlan(reading.plan, reading.hash, reading.warnings, size);
  cli.output.data(json ? `${JSON.stringify(preview)}\n` : explainView(preview, cli.output.style));
  return 0;
}
