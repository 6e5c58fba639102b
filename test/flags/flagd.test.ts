import { chmod, stat, unlink } from "node:fs/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { flagd } from "../../src/flags/flagd.ts";
import { flagBackends } from "../../src/flags/index.ts";
import { traitsOf } from "../../src/flags/port.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import { conformanceTarget, expectKnown, flagBackendConformance, note } from "../conformance/flags.ts";
import { failure } from "../support/failure.ts";
import { makeFlagdFile, type FlagdFile } from "./flagdFile.ts";

const somebodysFile = `{
    "$schema": "https://flagd.dev/schema/v0/flags.json",
    "flags": {
        "10": { "state": "ENABLED", "variants": {"a": 1.0, "b": 12345678901234567890}, "defaultVariant": "a" },
        "other": {
            "state":"DISABLED",   "variants": {"on": true, "off": false}, "defaultVariant": "on",
            "targeting": {"if": [{"$ref": "isEurope"}, "on", "off"]}, "metadata": {"owner": "search"}
        },
        "2": { "state": "ENABLED", "variants": {"x": "\\u00fc"}, "defaultVariant": "x" }
    },
    "$evaluators": { "isEurope": {"in": [{"var": "region"}, ["eu"]]} },
    "metadata": { "flagSetId": "shop", "version": "7" }
}
`;

flagBackendConformance("flagd", async () => {
  const file = await makeFlagdFile(somebodysFile);
  const target = conformanceTarget();
  const withoutOurs = async () => {
    const { flags, ...others } = JSON.parse(await file.text());
    delete flags[target.key];
    return JSON.stringify([flags, others]);
  };
  return {
    traits: traitsOf(flagd, { file: "flags.json" }),
    backend: file.backend,
    target,
    namesGroups: true,
    evaluator: () => file.evaluator(target.key),
    others: withoutOurs,
    changeByHand: async () => {
      const config = JSON.parse(await file.text());
      config.flags[target.key].defaultVariant = "on";
      await file.put(JSON.stringify(config));
    },
    close: () => file.remove(),
  };
});

const simple: FlagTarget = conformanceTarget({ audience: { exclude: [], testers: [], holdout: 0, segments: {} } });
const percent = (share: number): Exposure => ({ testers: true, everyone: share, segments: {} });

describe("a flag file", () => {
  let file: FlagdFile;
  beforeEach(async () => {
    file = await makeFlagdFile();
  });
  afterEach(() => file.remove());

  test("is one of the house's backends", () => {
    expect(flagBackends.flagd).toBe(flagd);
  });

  test("with no flags becomes a file that people can read", async () => {
    await file.write(simple, percent(1_000));
    expect(await file.text()).toBe(`{
  "flags": {
    "new-checkout": {
      "state": "ENABLED",
      "variants": { "on": true, "off": false, "on-tester": true, "off-ineligible": false },
      "defaultVariant": "off",
      "targeting": {
        "if": [
          false,
          "on-tester",
          { "!": [{ "var": "targetingKey" }] },
          "off-ineligible",
          { "fractional": [["on", 1000], ["off", 99000]] }
        ]
      },
      "metadata": { "rolloutRevision": 1 }
    }
  }
}`);
  });

  test("changes only in the bytes of our flag", async () => {
    await file.put(somebodysFile);
    await file.write(simple, percent(1_000));
    await file.write(simple, percent(5_000));
    await file.write(simple, OFF);
    const end = somebodysFile.indexOf('"defaultVariant": "x" }') + '"defaultVariant": "x" }'.length;
    const text = await file.text();
    expect(text.startsWith(somebodysFile.slice(0, end))).toBe(true);
    expect(text.endsWith(somebodysFile.slice(end))).toBe(true);
    expect(text).toContain('\n        "new-checkout": {\n            "state": "ENABLED",');
  });

  test("keeps its line endings, tabs, final line break and mode", async () => {
    await file.put('{\r\n\t"flags": {}\r\n}\r\n');
    await chmod(file.path, 0o640);
    await file.write(simple, percent(1_000));
    const text = await file.text();
    expect(text.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
    expect(text).toContain('\r\n\t\t"new-checkout": {\r\n\t\t\t"state"');
    expect(text.endsWith("}\r\n")).toBe(true);
    expect((await stat(file.path)).mode & 0o777).toBe(0o640);
  });

  test("keeps what a team wrote into our flag, and the values of its variants", async () => {
    const theirs = {
      state: "DISABLED",
      note: "ask growth first",
      variants: { control: "v1", third: "v0", treatment: "v2" },
      defaultVariant: "control",
      metadata: { owner: "growth", ticket: 7 },
    };
    await file.put(JSON.stringify({ flags: { "new-checkout": theirs } }, undefined, 2));
    const target = { ...conformanceTarget(), treatment: "treatment", control: "control" };
    expectKnown(await file.backend.read(target), OFF);
    await file.write(target, percent(50_000));
    const flag = JSON.parse(await file.text()).flags["new-checkout"];
    expect(flag).toMatchObject({ ...theirs, state: "ENABLED", metadata: { owner: "growth", ticket: 7, rolloutRevision: 1 } });
    expect(Object.keys(flag)).toEqual(["state", "note", "variants", "defaultVariant", "metadata", "targeting"]);
    expect(flag.variants).toEqual({
      ...theirs.variants,
      "control-excluded": "v1",
      "treatment-tester": "v2",
      "control-ineligible": "v1",
      "control-holdout": "v1",
    });
  });

  test("without our variants is refused, but off needs the control alone", async () => {
    const flag = { state: "ENABLED", variants: { off: false, yes: true }, defaultVariant: "off" };
    await file.put(JSON.stringify({ flags: { "new-checkout": flag } }));
    const error = await failure(file.write(simple, percent(1_000)));
    expect(error.code).toBe("refused");
    expect(error.message).toContain('no variant "on"');
    expect(error.hint).toContain('"on"');
    await file.write(simple, OFF);
    expectKnown(await file.backend.read(simple), OFF);
    expect(Object.keys(JSON.parse(await file.text()).flags["new-checkout"].variants)).toEqual(["off", "yes"]);
  });

  test("where both variants have the same value is refused", async () => {
    await file.put(JSON.stringify({ flags: { "new-checkout": { state: "ENABLED", variants: { on: 1, off: 1 }, defaultVariant: "off" } } }));
    expect((await failure(file.write(simple, percent(1_000)))).code).toBe("refused");
    await file.write(simple, OFF);
  });

  test("that is missing is unreachable, with the mend", async () => {
    await unlink(file.path);
    const error = await failure(file.backend.read(simple));
    expect(error.code).toBe("unreachable");
    expect(error.hint).toContain('{"flags":{}}');
  });

  test.each([
    ["a broken text", '{\n  "flags": {\n    "a": nope\n  }\n}', "line 3, column 10"],
    ["a cut file", '{"flags": {', "line 1, column 12"],
    ["YAML", "flags:\n  a: 1\n", "line 1, column 1"],
    ["an empty file", "", "line 1, column 1"],
    ["a file without flags", "{}", 'no object "flags"'],
    ["a list of flags", '{"flags":[]}', 'no object "flags"'],
  ])("that is %s is unreachable and stays as it is", async (_, text, place) => {
    await file.put(text);
    const error = await failure(file.backend.read(simple));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain(place);
    expect(error.hint).toBeDefined();
    expect((await failure(file.backend.write(simple, OFF, "absent", note))).code).toBe("unreachable");
    expect(await file.text()).toBe(text);
  });

  test("of five megabytes is written, a larger one is refused and never made", async () => {
    const filler = (bytes: number) => JSON.stringify({ flags: {}, metadata: { filler: "x".repeat(bytes) } }, undefined, 1);
    await file.put(filler(5 * 1024 * 1024 - 2_000));
    await file.write(simple, percent(1_000));
    expectKnown(await file.backend.read(simple), percent(1_000));
    const brimful = filler(5 * 1024 * 1024 - 200);
    await file.put(brimful);
    expect((await failure(file.write(simple, percent(1_000)))).code).toBe("refused");
    expect(await file.text()).toBe(brimful);
    await file.put(filler(5 * 1024 * 1024 + 1));
    expect((await failure(file.backend.read(simple))).code).toBe("invalidPlan");
  });

  test("has a revision that an edit by hand changes, whatever it does to the counter", async () => {
    await file.write(simple, percent(1_000));
    const { revision } = await file.backend.read(simple);
    await file.put((await file.text()).replace("1000", "2000").replace("99000", "98000"));
    const edited = await file.backend.read(simple);
    expectKnown(edited, percent(2_000));
    expect(edited.revision).not.toBe(revision);
  });

  test("changed in another flag has the same revision", async () => {
    await file.write(simple, percent(1_000));
    const before = await file.backend.read(simple);
    await file.put(
      (await file.text()).replace('"flags": {', '"flags": { "x": {"state":"ENABLED","variants":{"a":1},"defaultVariant":"a"},'),
    );
    expect(await file.backend.read(simple)).toEqual(before);
    await file.write(simple, percent(EVERYBODY));
    expect(Object.keys(JSON.parse(await file.text()).flags)).toEqual(["x", "new-checkout"]);
  });

  test("in YAML is refused when the plan is read", () => {
    expect(flagd.options.safeParse({ file: "flags.json" }).success).toBe(true);
    expect(flagd.options.safeParse({ file: "flags.yaml" }).error?.issues[0]?.message).toContain("YAML");
    expect(flagd.options.safeParse({ file: "flags.json", path: "x" }).success).toBe(false);
  });

  test("says in one line how to switch off by hand, and that is off", async () => {
    await file.write(simple, percent(50_000));
    const line = file.backend.byHand(simple);
    expect(line).toBe('in flags.json, under "flags" → "new-checkout", set "state": "ENABLED", "defaultVariant": "off" and "targeting": {}');
    const config = JSON.parse(await file.text());
    Object.assign(config.flags["new-checkout"], { state: "ENABLED", defaultVariant: "off", targeting: {} });
    await file.put(JSON.stringify(config));
    expectKnown(await file.backend.read(simple), OFF);
  });

  test("keeps a flag named like a part of every object apart", async () => {
    for (const key of ["__proto__", "constructor", "a.b", 'quo"te', "ключ"]) {
      const target = { ...simple, key };
      expectKnown(await file.backend.read(target), OFF);
      await file.write(target, percent(1_000));
      expectKnown(await file.backend.read(target), percent(1_000));
    }
  });
});

describe("what a flag file cannot say", () => {
  const segments = (rules: FlagTarget["audience"]["segments"]) => ({ ...simple, audience: { ...simple.audience, segments: rules } });
  const faults = (target: FlagTarget): string[] => traitsOf(flagd, { file: "flags.json" }).cannotExpress(target);

  test.each<[string, FlagTarget]>([
    ["a dot in an attribute", segments({ a: { rule: { all: [{ attribute: "user.region", equals: 1 }] } } })],
    ["a dot in the eligible", { ...simple, audience: { ...simple.audience, eligible: { not: { attribute: "a.b", equals: 1 } } } }],
    ["a dot in the unit", { ...simple, unit: { attribute: "user.id" } }],
    ["a caret range", segments({ a: { rule: { attribute: "v", semver: "^7.4.0" } } })],
    ["a version of four numbers", segments({ a: { rule: { any: [{ attribute: "v", semver: ">=7.4.0.1" }] } } })],
    ["a segment named as the testers' variant", segments({ tester: { rule: { attribute: "a", equals: 1 } } })],
    ["a treatment named as one of the control's", { ...simple, treatment: "off-rest" }],
  ])("%s", (_, target) => {
    expect(faults(target)).toHaveLength(1);
  });

  test("all else it can", () => {
    expect(faults(conformanceTarget())).toEqual([]);
    expect(faults(segments({ a: { rule: { attribute: "v", semver: ">= 7.4.0 <8" } } }))).toEqual([]);
  });
});
