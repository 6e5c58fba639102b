import type { Asked } from "../app.ts";
import { askedReport, askedView } from "../report/asked.ts";
import type { AskedReport } from "../report/asked.schema.ts";
import type { Cli, Globals } from "./context.ts";

/** Shows what came of something that a person asked for; it was done, so the exit status is 0. */
export function answer({ output }: Cli, { json }: Pick<Globals, "json">, schema: AskedReport["schema"], asked: Asked): number {
  const report = askedReport(asked, schema);
  output.data(json ? `${JSON.stringify(report)}\n` : askedView(report, output.style));
  return 0;
}
