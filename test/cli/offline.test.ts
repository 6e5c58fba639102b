import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runProgram, SCRIPT } from "../support/cli.ts";
import { requireProgram } from "../support/programs.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

const strace = requireProgram("strace");
const SHOP_TOKEN = "ship-shape-9";

async function scenery() {
  const shop = await startShopPage();
  const sources = { shop: { type: "openmetrics", url: `${shop.url}/metrics`, bearer: "${env:SHOP_TOKEN}" } };
  const scene = await makeScene(planTree(shop.url, { sources }));
  await scene.write("token", SHOP_TOKEN);
  const counts = { metric: "errors", group: "treatment", events: 1, total: 100 };
  await scene.write("observations.jsonl", `${JSON.stringify({ at: "2026-01-01T00:01:00Z", ...counts })}\n`);
  return { shop, scene };
}

/** Runs the command and gives what it connected to, sent over sockets and executed, besides itself. */
async function traced(scene: Awaited<ReturnType<typeof scenery>>["scene"], args: string[]) {
  const file = join(scene.folder, ".git", "trace");
  const calls = "--trace=connect,sendto,sendmsg,sendmmsg,execve,execveat,openat";
  const ran = await runProgram(strace!, ["-f", "-qq", calls, "-o", file, process.execPath, SCRIPT, ...args], {
    cwd: scene.folder,
    env: { SHOP_TOKEN },
  });
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  const own = lines.findIndex((line) => line.includes("execve("));
  return {
    ran,
    out: lines.filter((line, index) => index !== own && /(?:connect|send\w+|execve\w*)\(/.test(line) && !line.includes("AF_UNIX")),
    opened: lines.filter((line) => line.includes("openat(") && !line.includes("ENOENT")),
  };
}

describe.skipIf(!strace)("no call leaves the machine, and no program is started, by", () => {
  test.concurrent.each([
    "validate plan.yaml",
    "explain plan.yaml",
    "explain plan.yaml --json",
    "backtest plan.yaml --observations observations.jsonl",
    "simulate plan.yaml --traffic 6000/min --runs 2",
  ])("%s", async (command) => {
    const { shop, scene } = await scenery();
    const { ran, out, opened } = await traced(scene, command.split(" "));
    expect(ran.status).toBe(0);
    expect(out).toEqual([]);
    expect(opened.some((line) => line.includes("plan.yaml"))).toBe(true);
    expect(opened.filter((line) => /token|flags\.json|\.rollout/.test(line))).toEqual([]);
    expect(shop.requests).toEqual([]);
  });

  test.concurrent("and the same trace shows what does go out, and that no program is started for it either", async () => {
    const { shop, scene } = await scenery();
    const { ran, out } = await traced(scene, ["advance", "plan.yaml"]);
    expect(ran.status).toBe(0);
    expect(out.some((line) => line.includes("connect(") && line.includes(`htons(${shop.port})`))).toBe(true);
    expect(out.filter((line) => line.includes("execve"))).toEqual([]);
    expect(out.filter((line) => line.includes("connect(") && !line.includes(`htons(${shop.port})`))).toEqual([]);
  });
});

test("status, log and log verify ask nobody", async () => {
  const { shop, scene } = await scenery();
  expect(await scene.callWith({ SHOP_TOKEN }, "advance", "plan.yaml")).toMatchObject({ status: 0 });
  const asked = shop.requests.length;
  const before = await scene.everything();
  for (const args of [["status"], ["status", "checkout"], ["status", "plan.yaml"], ["log", "checkout"], ["log", "verify", "plan.yaml"]]) {
    expect(await scene.call(...args), args.join(" ")).toMatchObject({ status: 0, stderr: "" });
  }
  expect(shop.requests).toHaveLength(asked);
  expect(await scene.everything()).toEqual(before);
});
