// Advances a rollout whenever it is told to, and tells what came of it: node advancer.mjs PACKAGE as a child with a channel.
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { openApp, planFileOf, readPlanFile, step } = await import(pathToFileURL(join(process.argv[2], "dist", "app.js")).href);

process.on("message", async ({ folder, plan }) => {
  try {
    const file = planFileOf(await readPlanFile(plan, { cwd: folder }));
    const { engine } = openApp({ cwd: folder, env: {}, stop: new AbortController().signal });
    const { result } = await step(engine, file.plan.rollout, { file, adopt: false });
    process.send({ outcome: result.outcome });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
process.send("ready");
