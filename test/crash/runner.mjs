// A runner: node runner.mjs PACKAGE as a child with a channel. It advances a rollout whenever it is told to, notes each entry
// that it is told is stored in a file (`NUMBER HASH`), and tells what came of it.
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const { openApp, planFileOf, readPlanFile, step } = await import(pathToFileURL(join(process.argv[2], "dist", "app.js")).href);
const { PATH, HOME } = process.env;

process.on("message", async ({ folder, plan, store, notes }) => {
  try {
    const file = planFileOf(await readPlanFile(plan, { cwd: folder }));
    const tell = (note) => {
      if (note.kind === "entry") appendFileSync(notes, `${note.entry.seq} ${note.state.head.hash}\n`);
    };
    const { engine } = openApp({ cwd: folder, env: { PATH, HOME }, store, tell });
    const { result, state } = await step(engine, file.plan.rollout, { file, adopt: false });
    await engine.store.close?.();
    const openUntil = state.intent && state.intent.at + 2 * state.plan.flag.writeWithin;
    process.send({ outcome: result.outcome, reason: result.reason, openUntil });
  } catch (error) {
    process.send({ error: `${error.code}: ${error.message}` });
  }
});
process.send("ready");
