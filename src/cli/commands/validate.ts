import { previewPlanFile } from "../../app.ts";
import { codeQuality } from "../../report/codeQuality.ts";
import { validation, validationView } from "../../report/validate.ts";
import type { Cli, Globals } from "../context.ts";
import { writeReport } from "../summary.ts";

interface ValidateOptions extends Globals {
  codeQuality?: string;
}

/** `rollout validate PLAN…`: offline; 2 when one of them is not valid. */
export async function validate(cli: Cli, paths: readonly string[], options: ValidateOptions): Promise<number> {
  const readings = [];
  for (const path of paths) readings.push({ file: path, reading: (await previewPlanFile(path, cli)).reading });
  const result = validation(readings);
  cli.output.data(options.json ? `${JSON.stringify(result)}\n` : validationView(result, cli.output.style));
  if (options.codeQuality !== undefined) await writeReport(cli, options.codeQuality, `${JSON.stringify(codeQuality(result))}\n`);
  return result.valid ? 0 : 2;
}
