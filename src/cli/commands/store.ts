import { RolloutError } from "../../app.ts";
import { storeInitView } from "../../report/storeInit.ts";
import type { StoreInitReport } from "../../report/storeInit.schema.ts";
import type { Cli, Globals } from "../context.ts";
import { open } from "../target.ts";

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
