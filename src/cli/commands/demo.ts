import { relative } from "node:path";
import { openApp, planFileOf, readPlanFile, runToEnd } from "../../app.ts";
import { choosePort } from "../../demo/loopback.ts";
import { prepareDemoFolder, type DemoFolder } from "../../demo/folder.ts";
import { startShop, type Shop } from "../../demo/shop.ts";
import { startTraffic } from "../../demo/traffic.ts";
import type { BreakMode } from "../../demo/outcome.ts";
import { stepReport, stepView } from "../../report/step.ts";
import { exitStatusOf } from "../exit.ts";
import type { Cli, Globals } from "../context.ts";
import { invalid } from "../target.ts";

const USERS = 4_000;
const REQUESTS_PER_SECOND = 350;
const SEED = 20;
/** So many answers make every metric known before the preflight asks for it. */
const WARM_UP = 100;
const ANY_PORT = 0;

/** `rollout demo [--break errors|latency]`: real parts, on loopback, in a folder that is left behind. */
export async function demo(cli: Cli, { json, break: breakMode }: Globals & { break?: BreakMode }): Promise<number> {
  const { output, cwd, env, stop } = cli;
  const { folder, shop } = await openShop(cwd, breakMode);
  const read = await readPlanFile(folder.plan, { cwd });
  const file = planFileOf(read);
  if (!file) throw invalid(read);

  const traffic = startTraffic({ url: shop.url, users: USERS, requestsPerSecond: REQUESTS_PER_SECOND, seed: SEED, signal: stop });
  try {
    output.talk(introduction({ flags: relative(cwd, folder.flags), plan: relative(cwd, folder.plan) }, shop.url, breakMode));
    await traffic.reached(WARM_UP);
    // The plan is our own, whoever began the job.
    const { engine } = openApp({ cwd, env, store: folder.store, trustPlan: true, stop, tell: (note) => output.progress(note) });
    const result = await runToEnd(engine, file.plan.rollout, { file, adopt: false });
    const report = stepReport(result, "rollout.demo/1");
    output.data(json ? `${JSON.stringify(report)}\n` : stepView(report, output.style));
    output.talk(whatNext(file.plan.rollout, relative(cwd, folder.plan), relative(cwd, folder.store), report.head.hash));
    return exitStatusOf(result, false);
  } finally {
    await traffic.stop();
    await shop.stop();
  }
}

/** The shop on its usual port, else on another: of two demos that begin at once, both find the usual one free. */
async function openShop(cwd: string, breakMode: BreakMode | undefined, preferred?: number): Promise<{ folder: DemoFolder; shop: Shop }> {
  const port = await choosePort(preferred);
  const folder = await prepareDemoFolder(cwd, { port });
  try {
    return { folder, shop: await startShop({ flagsFile: folder.flags, port, breakMode, seed: SEED }) };
  } catch (error) {
    if (preferred !== undefined) throw error;
    return openShop(cwd, breakMode, ANY_PORT);
  }
}

function introduction(folder: { flags: string; plan: string }, url: string, breakMode: BreakMode | undefined): string {
  const path = { errors: "fails for one request in four", latency: "is slow for one request in three", sound: "is sound" }[
    breakMode ?? "sound"
  ];
  return [
    `A shop on ${url} with ${USERS.toLocaleString("en-US")} users asks OpenFeature for its flag in ${folder.flags}.`,
    `Its new path ${path}. The plan is ${folder.plan}; its bakes are seconds, where yours will be hours.`,
    "",
  ].join("\n");
}

function whatNext(name: string, plan: string, store: string, head: string): string {
  return [
    "",
    "To look further:",
    `  npx rollout log ${name} --store ${store}`,
    `  npx rollout status ${name} --store ${store}`,
    `  npx rollout log verify ${name} --store ${store} --head ${head}`,
    `  npx rollout explain ${plan}`,
    `  npx rollout advance ${plan} --store ${store}`,
  ].join("\n");
}
