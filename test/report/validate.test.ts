import { expect, test } from "vitest";
import { validationSchema } from "../../src/report/validate.schema.ts";
import { validation, validationView } from "../../src/report/validate.ts";
import { good, read } from "../plan/fakes.ts";

test("several plans are validated into one result, and all frames are shown", async () => {
  const result = validation([
    { file: "good.yaml", reading: await read(good) },
    { file: "bad.yaml", reading: await read(good.replace("- 1%", "- 1").replace("poll: 1m", "pol: 1m")) },
    { file: "bold.yaml", reading: await read(good.replace("- 1%", "- 20%")) },
  ]);
  expect(validationSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
  expect(result.valid).toBe(false);
  expect(result.plans.map(({ valid, diagnostics }) => [valid, diagnostics.length])).toEqual([
    [true, 0],
    [false, 2],
    [true, 1],
  ]);
  const view = validationView(result);
  expect(view).toMatch(/^good\.yaml: valid, plan [0-9a-f]{12}$/m);
  expect(view).toMatch(/^bad\.yaml: invalid, 2 errors$/m);
  expect(view).toMatch(/^bold\.yaml: valid, 1 warning, plan [0-9a-f]{12}$/m);
});

test("good plans alone are a good result", async () => {
  expect(validation([{ file: "good.yaml", reading: await read(good) }]).valid).toBe(true);
});
