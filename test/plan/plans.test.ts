import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { flagBackends } from "../../src/flags/index.ts";
import { metricSources } from "../../src/metrics/index.ts";
import { readPlan } from "../../src/plan/read.ts";
import { writtenPlanSchema } from "../../src/plan/written.ts";
import type { Catalog } from "../../src/plan/reading.ts";
import { shortly } from "./fakes.ts";

const folder = join(import.meta.dirname, "../../plans");
const catalog: Catalog = { flags: flagBackends, sources: metricSources };

test.each(readdirSync(folder).filter((file) => file.endsWith(".yaml")))("plans/%s is a valid plan", async (file) => {
  const reading = await readPlan(readFileSync(join(folder, file), "utf8"), {
    file,
    catalog,
    readFile: async (path) => readFileSync(join(folder, path), "utf8"),
  });
  expect(reading.valid ? [] : reading.diagnostics.map(shortly)).toEqual([]);
});

test("plans/every-key.yaml holds every key of the plan language", () => {
  const text = readFileSync(join(folder, "every-key.yaml"), "utf8");
  const keys = keysOf(z.toJSONSchema(writtenPlanSchema, { io: "input" }));
  expect(keys).toContain("onInconclusive");
  expect(keys.filter((key) => !new RegExp(`(^|[\\s{])${key}: ?`, "m").test(text))).toEqual([]);
});

/** Every key that a JSON Schema knows, at any depth. */
function keysOf(schema: unknown): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const own = "properties" in schema && typeof schema.properties === "object" ? Object.keys(schema.properties ?? {}) : [];
  return [...new Set([...own, ...Object.values(schema).flatMap(keysOf)])];
}
