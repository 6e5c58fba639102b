import { previewPlanFile } from "../../app.ts";
import { validation, validationView } from "../../report/validate.ts";
import type { Cli, Globals } from "../context.ts";

/** `rollout validate PLAN…`: offline; 2 when one of them is not valid. */
export async function validate(cli: Cli, paths: readonly string[], { json }: Globals): Promise<number> {
  const readings = [];
  for (const path of paths) readings.push({ file: path, reading: (await previewPlanFile(path, cli)).reading });
  const result = validation(readings);
  cli.output.data(json ? `${JSON.stringify(result)}\n` : validationView(result, cli.output.style));
  return result.valid ? 0 : 2;
}
