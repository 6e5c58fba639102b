import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import { conformanceTarget, expectShare, makeUnits, ownShare, placeOf, type Unit } from "../conformance/flags.ts";
import { evaluatorOf, makeFlagdFile, type FlagdFile } from "./flagdFile.ts";

/** What 20,000 users get by flagd's own evaluator, on the file as the backend wrote it. */

const units = makeUnits(20_000);
const full = conformanceTarget();
const simple = conformanceTarget({ audience: { exclude: [], testers: [], holdout: 0, segments: {} } });
const exposure = (everyone: number, segments: Exposure["segments"] = {}): Exposure => ({ testers: true, everyone, segments });

let file: FlagdFile;
beforeEach(async () => {
  file = await makeFlagdFile();
});
afterEach(() => file.remove());

async function serve(target: FlagTarget, wanted: Exposure, people: Unit[] = units) {
  await file.write(target, wanted);
  const evaluate = await file.evaluator(target.key);
  const variants = new Map<string, string | undefined>();
  const treated = new Set<string>();
  for (const { id, context } of people) {
    const { variant, value } = evaluate(id, context);
    variants.set(id, variant);
    if (value === true) treated.add(id);
  }
  return { variants, treated, having: (name: string) => people.filter(({ id }) => variants.get(id) === name) };
}

const isSuperset = (larger: Set<string>, smaller: Set<string>): boolean => [...smaller].every((id) => larger.has(id));

test("each share of everybody is served within three standard deviations, and who is in stays in", async () => {
  let before = new Set<string>();
  for (const share of [1, 100, 1_000, 5_000, 25_000, 50_000, 99_999, EVERYBODY]) {
    const { treated } = await serve(simple, exposure(share));
    expectShare(treated.size, units.length, share / EVERYBODY, `${share}`);
    expect(isSuperset(treated, before)).toBe(true);
    before = treated;
  }
  expect(before.size).toBe(units.length);
});

test.each<[string, Exposure[]]>([
  ["from 20 % of europe to 25 % of all", [exposure(0, { europe: 20_000 }), exposure(25_000)]],
  [
    "over staff, 20 % of europe, 5 %, 25 %, 50 % of europe, 50 % and 100 %",
    [
      exposure(100),
      exposure(1_000),
      exposure(1_000, { staff: EVERYBODY }),
      exposure(1_000, { staff: EVERYBODY, europe: 20_000 }),
      exposure(5_000, { staff: EVERYBODY, europe: 20_000 }),
      exposure(25_000, { staff: EVERYBODY, europe: 20_000 }),
      exposure(25_000, { staff: EVERYBODY, europe: 50_000 }),
      exposure(50_000, { staff: EVERYBODY, europe: 50_000 }),
      exposure(EVERYBODY, { staff: EVERYBODY, europe: 50_000 }),
    ],
  ],
])("who is in stays in %s", async (_, exposures) => {
  const everybody = (await serve(full, exposure(EVERYBODY))).treated;
  let before = new Set<string>();
  for (const wanted of exposures) {
    const { treated } = await serve(full, wanted);
    expect(isSuperset(treated, before)).toBe(true);
    for (const { id, context } of units) {
      const place = placeOf(full, wanted, context);
      if (place !== "eligible") expect(treated.has(id), `${place} ${id}`).toBe(place === "tester");
    }
    const free = units.filter(({ id, context }) => everybody.has(id) && placeOf(full, wanted, context) === "eligible");
    for (const share of new Set(free.map(({ context }) => ownShare(full, wanted, context)))) {
      const stratum = free.filter(({ context }) => ownShare(full, wanted, context) === share);
      expectShare(stratum.filter(({ id }) => treated.has(id)).length, stratum.length, share / EVERYBODY, `${share}`);
    }
    before = treated;
  }
});

describe("the variant names", () => {
  test("tell apart all who are not in the randomised split", async () => {
    const wanted = exposure(5_000, { staff: EVERYBODY, europe: 20_000 });
    const { variants, having } = await serve(full, wanted);
    expect(new Set(variants.values())).toEqual(
      new Set(["on", "off", "off-excluded", "on-tester", "off-ineligible", "off-holdout", "on-staff", "on-europe", "off-rest"]),
    );
    for (const { id, context } of units) {
      const variant = variants.get(id)!;
      const place = placeOf(full, wanted, context);
      const names = { excluded: ["off-excluded"], tester: ["on-tester"], ineligible: ["off-ineligible"] };
      if (place !== "eligible") expect(names[place]).toContain(variant);
      else if (variant !== "off-holdout" && String(context.email).includes("@staff.")) expect(variant).toBe("on-staff");
    }
    const isEurope = ({ context }: Unit) => String(context.region).startsWith("eu");
    expect(having("on-europe").every(isEurope)).toBe(true);
    expect(having("off-rest").some(isEurope)).toBe(false);
    expect(having("off-holdout").length).toBeGreaterThan(0);
  });

  test("at everybody are the treatment, and the holdout is the control", async () => {
    const { variants, having } = await serve(full, exposure(EVERYBODY, { staff: EVERYBODY }));
    expect(new Set(variants.values())).toEqual(new Set(["on", "off", "off-excluded", "on-tester", "off-ineligible"]));
    const eligible = units.filter(({ context }) => placeOf(full, exposure(EVERYBODY), context) === "eligible");
    expectShare(having("off").length, eligible.length, 0.05, "held out");
  });

  test("where nobody is chosen by chance leave the split empty", async () => {
    const { variants } = await serve(full, exposure(0, { staff: EVERYBODY }));
    const names = new Set(variants.values());
    expect(names).not.toContain("on");
    expect(names).not.toContain("off");
    expect(names).toContain("off-rest");
  });

  test("at off are the control alone", async () => {
    await serve(full, exposure(50_000));
    expect(new Set((await serve(full, OFF)).variants.values())).toEqual(new Set(["off"]));
    expect(JSON.parse(await file.text()).flags[full.key]).toMatchObject({ state: "ENABLED", defaultVariant: "off", targeting: {} });
  });
});

describe("the split is a fair comparison", () => {
  const audience: FlagTarget["audience"] = {
    ...full.audience,
    segments: { ...full.audience.segments, paying: { rule: { attribute: "plan", equals: "gold" } } },
  };
  const target = { ...full, audience };
  const people = units.map((unit, index) => ({ ...unit, context: { ...unit.context, ...(index % 4 === 0 && { plan: "gold" }) } }));
  test.each<[string, Exposure]>([
    ["a share of everybody", exposure(25_000)],
    ["a segment ahead of everybody", exposure(5_000, { europe: 50_000 })],
    ["two segments that overlap, and everybody", exposure(10_000, { europe: 30_000, paying: 60_000 })],
    ["two segments and nobody else", exposure(0, { europe: 20_000, paying: 40_000 })],
    ["whole staff, a segment, and everybody", exposure(20_000, { staff: EVERYBODY, europe: 40_000 })],
  ])("with %s", async (_, wanted) => {
    const { having } = await serve(target, wanted, people);
    const [on, off] = [having("on"), having("off")];
    expect(Math.min(on.length, off.length)).toBeGreaterThan(300);
    for (const isIn of [
      ({ context }: Unit) => String(context.region).startsWith("eu"),
      ({ context }: Unit) => context.plan === "gold",
      ({ context }: Unit) => String(context.email).includes("@staff."),
    ]) {
      const [inOn, inOff] = [on.filter(isIn).length, off.filter(isIn).length];
      const pooled = (inOn + inOff) / (on.length + off.length);
      const deviation = Math.sqrt(pooled * (1 - pooled) * (1 / on.length + 1 / off.length));
      expect(Math.abs(inOn / on.length - inOff / off.length)).toBeLessThanOrEqual(3 * deviation + 1e-12);
    }
  });

  test("which serving all who have the feature under one name would not be", async () => {
    const { treated, having } = await serve(target, exposure(5_000, { europe: 50_000 }), people);
    const europe = ({ context }: Unit) => String(context.region).startsWith("eu");
    const [on, off] = [people.filter(({ id }) => treated.has(id)), having("off")];
    expect(on.filter(europe).length / on.length - off.filter(europe).length / off.length).toBeGreaterThan(0.3);
  });
});

describe("the unit", () => {
  const half = exposure(50_000);

  test("without a targeting key gets the control under a name of its own", async () => {
    await file.write(simple, half);
    const evaluate = await file.evaluator(simple.key);
    for (const id of [undefined, ""]) expect(evaluate(id)).toEqual({ variant: "off-ineligible", value: false });
    await file.write(simple, exposure(EVERYBODY));
    expect((await file.evaluator(simple.key))(undefined).value).toBe(false);
  });

  test("by attribute shares its fate, and lacking the attribute gets the control, never a shared bucket", async () => {
    const target = { ...simple, unit: { attribute: "tenant" } };
    await file.write(target, half);
    const evaluate = await file.evaluator(target.key);
    const byTenant = (tenant: unknown) => new Set(["a", "b", "c", undefined].map((id) => evaluate(id, { tenant }).value));
    let treated = 0;
    for (let tenant = 0; tenant < 2_000; tenant += 1) {
      const values = byTenant(tenant);
      expect(values.size).toBe(1);
      expect(byTenant(String(tenant))).toEqual(values);
      if (values.has(true)) treated += 1;
    }
    expectShare(treated, 2_000, 0.5, "tenants by number");
    await file.write(target, exposure(EVERYBODY));
    const atAll = await file.evaluator(target.key);
    for (const tenant of [undefined, null, "", true, [], [7], {}, { id: 7 }, Number.NaN]) {
      expect(atAll("a", { tenant })).toEqual({ variant: "off-ineligible", value: false });
    }
    expect(atAll("a", { tenant: 0 }).value).toBe(true);
  });

  test("without our guard, all that lack the attribute jump in together, and a number is never bucketed", () => {
    const key = { var: "$flagd.flagKey" };
    const served = (bucketBy: unknown, tenants: unknown[]) => {
      const targeting = { fractional: [bucketBy, ["on", 1], ["off", 1]] };
      const flag = { state: "ENABLED", variants: { on: true, off: false, none: false }, defaultVariant: "none", targeting };
      const evaluate = evaluatorOf(JSON.stringify({ flags: { "f-2": flag } }), "f-2");
      return new Set(tenants.map((tenant, index) => evaluate(`user-${index}`, { tenant }).variant));
    };
    const nobody = Array.from({ length: 100 }, () => undefined);
    expect(served({ cat: [key, { var: "tenant" }] }, nobody).size).toBe(1);
    expect(
      served(
        { var: "tenant" },
        Array.from({ length: 100 }, (_, index) => index),
      ),
    ).toEqual(new Set(["none"]));
  });

  test("may have any characters", async () => {
    const foreign = Array.from({ length: 5_000 }, (_, index) => ({ id: `ユーザー-é-😀-${index}`, context: {} }));
    let before = new Set<string>();
    for (const share of [5_000, 25_000, 50_000]) {
      const { treated } = await serve(simple, exposure(share), foreign);
      expectShare(treated.size, foreign.length, share / EVERYBODY, `${share}`);
      expect(isSuperset(treated, before)).toBe(true);
      before = treated;
    }
  });
});

describe("other traps of flagd", () => {
  const evaluateAll = (flag: object) => {
    const evaluate = evaluatorOf(JSON.stringify({ flags: { f: flag } }), "f");
    return units.slice(0, 2_000).map(({ id }) => evaluate(id));
  };
  const flag = { state: "ENABLED", variants: { on: true, off: false }, defaultVariant: "off" };

  test("fractions as weights give nobody the feature: ours are whole", async () => {
    const loose = {
      ...flag,
      targeting: {
        fractional: [
          ["on", 50.5],
          ["off", 49.5],
        ],
      },
    };
    expect(() => evaluateAll(loose)).toThrow("integer");
    const { treated } = await serve(simple, exposure(1, {}));
    expect(treated.size).toBeLessThan(5);
    expect(await file.text()).toContain('{ "fractional": [["on", 1], ["off", 99999]] }');
  });

  test("a disabled flag serves the default of the code, which may be the feature: off does not disable", async () => {
    expect(new Set(evaluateAll({ ...flag, state: "DISABLED" }).map(({ value }) => value))).toEqual(new Set(["the default of the code"]));
    expect((await serve(simple, OFF)).treated.size).toBe(0);
  });

  test("with the treatment not first, a raise takes it from those who have it", () => {
    const at = (share: number) => {
      const targeting = {
        fractional: [
          ["off", 100 - 2 * share],
          ["new", share],
          ["on", share],
        ],
      };
      const served = evaluateAll({ ...flag, variants: { ...flag.variants, new: true }, targeting });
      return new Set(served.flatMap(({ variant }, index) => (variant === "new" ? [String(index)] : [])));
    };
    expect(isSuperset(at(25), at(5))).toBe(false);
  });

  test("a holdout without a salt of its own would be those who come last", async () => {
    const target = { ...simple, audience: { ...simple.audience, holdout: 50_000 } };
    const { having } = await serve(target, exposure(50_000));
    const { treated } = await serve(simple, exposure(50_000));
    const held = having("off-holdout");
    expectShare(held.length, units.length, 0.5, "held out");
    expectShare(held.filter(({ id }) => treated.has(id)).length, held.length, 0.5, "of the first half");
  });
});
