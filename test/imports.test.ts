import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";

const script = join(import.meta.dirname, "..", ".config", "imports.js");

/** What the import rule says of a house with these files. */
async function breachesOf(files: Record<string, string>): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-imports-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const { stderr } = await promisify(execFile)(process.execPath, [script, folder]).catch((error: { stderr: string }) => error);
    return stderr.split("\n").filter((line) => line !== "");
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const house = {
  "errors.ts": "export class Failure extends Error {}",
  "model/plan.ts": "export type Plan = { name: string };",
  "io/port.ts": 'import type { Plan } from "../model/plan.ts"; export type Tools = Plan; export const tools = 1;',
  "io/http.ts": 'import type { Tools } from "./port.ts"; export const http: Tools = { name: "" };',
  "flags/port.ts": 'import type { Tools } from "../io/port.ts"; export type Backend = Tools;',
  "flags/flagd.ts": 'import type { Backend } from "./port.ts"; import { json } from "./flagd-json.ts"; export const flagd: Backend = json;',
  "flags/flagd-json.ts": 'export const json = { name: "" };',
  "flags/vendor.ts": 'import { Failure } from "../errors.ts"; export const vendor = Failure;',
  "flags/index.ts": 'export { flagd } from "./flagd.ts"; export { vendor } from "./vendor.ts";',
  "core/exposure.ts": 'import type { Plan } from "../model/plan.ts"; export type Exposure = Plan;',
  "plan/read.ts": 'export type { Exposure } from "../core/exposure.ts"; export const read = (at: Date) => new Date(at);',
  "app.ts": 'import { http } from "./io/http.ts"; export const app = http;',
  "demo/shop.ts": 'import { app } from "../app.ts"; export const shop = app;',
  "cli/demo.ts": 'export { shop } from "../demo/shop.ts";',
  "cli/main.ts": 'await import("../app.ts"); export const later = Date.now();',
};

describe("the import rule", () => {
  test("lets a house be that keeps it", async () => {
    expect(await breachesOf(house)).toEqual([]);
  });

  test.each([
    [
      "an import",
      "model/units.ts",
      'import { json } from "../flags/flagd-json.ts"; export const a = json;',
      "model may not import flags/flagd-json.ts",
    ],
    [
      "an import of a type",
      "core/decide.ts",
      '\nimport type { Backend } from "../flags/port.ts"; export type A = Backend;',
      "2: core may not import",
    ],
    ["an import for its effects", "judge/judge.ts", 'import "../core/exposure.ts";', "judge may not import core/exposure.ts"],
    ["a re-export", "report/text.ts", 'export * from "../plan/read.ts";', "report may not import plan/read.ts"],
    ["a dynamic import", "engine/look.ts", 'export const f = () => import("../io/http.ts");', "engine may not import io/http.ts"],
    [
      "a dynamic import in backticks",
      "engine/look.ts",
      "export const f = () => import(`../io/http.ts`);",
      "engine may not import io/http.ts",
    ],
    ["a type in its place", "plan/lint.ts", 'export type A = import("../io/http.ts").B;', "plan may not import io/http.ts"],
    ["a value of io's port", "flags/port.ts", 'import { tools } from "../io/port.ts"; export const a = tools;', "only types of io/port.ts"],
    [
      "an adapter's neighbour",
      "flags/vendor.ts",
      'import { flagd } from "./flagd.ts"; export const vendor = flagd;',
      "belongs to another adapter",
    ],
    [
      "an adapter's helper",
      "flags/vendor.ts",
      'import { json } from "./flagd-json.ts"; export const vendor = json;',
      "belongs to another adapter",
    ],
    [
      "another port",
      "metrics/a.ts",
      'import type { Backend } from "../flags/port.ts"; export type A = Backend;',
      "metrics may not import flags/port.ts",
    ],
    ["past the app", "cli/main.ts", 'import { http } from "../io/http.ts"; export const a = http;', "cli may not import io/http.ts"],
    [
      "the demo past the app",
      "demo/shop.ts",
      'import { read } from "../plan/read.ts"; export const a = read;',
      "demo may not import plan/read.ts",
    ],
    ["of the command line", "app.ts", 'import { later } from "./cli/main.ts"; export const app = later;', "app may not import cli/main.ts"],
    ["out of the source", "model/units.ts", 'import { a } from "../../test/a.ts"; export const b = a;', "outside the source"],
    ["a file without a room", "utils/misc.ts", "export {};", "belongs to no room"],
    [
      "a file in a pure room",
      "core/a.ts",
      'import { readFileSync } from "node:fs"; export const a = readFileSync;',
      "core is pure: no node:fs",
    ],
    ["the network in a pure room", "stats/a.ts", 'export const a = () => import("http");', "stats is pure: no http"],
    [
      "a hash in a pure room",
      "judge/a.ts",
      'import type { Hash } from "node:crypto"; export type A = Hash;',
      "judge is pure: no node:crypto",
    ],
    ["the time in a pure room", "core/a.ts", "export const a = Date.now();", "core is pure: no Date.now"],
    ["the time in brackets", "core/a.ts", 'export const a = Date["now"]();', "core is pure: no Date.now"],
    ["today in a pure room", "core/a.ts", "export const a = new Date();", "core is pure: no clock"],
    ["chance in a pure room", "stats/a.ts", "export const a = [1].map(Math.random);", "stats is pure: no Math.random"],
    ["the environment in a pure room", "judge/a.ts", "export const a = process.env;", "judge is pure: no process"],
  ])("refuses %s", async (_, name, text, breach) => {
    const found = await breachesOf({ ...house, [name]: text });
    expect(found.filter((line) => line.startsWith(name) && line.includes(breach))).toHaveLength(1);
  });

  test.each([
    ["of values", 'import { b } from "./b.ts"; export const a = b;', 'import { a } from "./a.ts"; export const b = () => a;'],
    ["of types alone", 'import type { B } from "./b.ts"; export type A = B[];', 'export type B = import("./a.ts").A[];'],
    ["over a dynamic import", 'export const a = () => import("./b.ts");', 'export * from "./a.ts";'],
  ])("refuses a circle %s", async (_, a, b) => {
    expect(await breachesOf({ ...house, "plan/a.ts": a, "plan/b.ts": b })).toEqual(["a circle: plan/a.ts → plan/b.ts → plan/a.ts"]);
  });
});
