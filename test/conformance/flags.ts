import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sameExposure } from "../../src/core/exposure.ts";
import { Conflict, type ChangeNote, type FlagBackend, type FlagBackendTraits } from "../../src/flags/port.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagReading, FlagTarget } from "../../src/model/flag.ts";
import type { Rule } from "../../src/model/plan.ts";

/** What every flag backend owes, whatever the vendor. A backend proves it with one fixture. */

export type Context = Record<string, unknown>;

export interface Evaluation {
  variant: string | undefined;
  value: unknown;
}

export interface FlagBackendFixture {
  /** `traitsOf` its definition and options. */
  traits: FlagBackendTraits;
  backend: FlagBackend;
  /** The flag, absent or off when the fixture is made. `conformanceTarget()`, or what of it the backend can express. */
  target: FlagTarget;
  /** The revision is one of the content alone, so that a write of what is there already does not show. */
  revisionOfContent?: boolean;
  /** Whether those outside the randomised split are served under variant names of their own. */
  namesGroups: boolean;
  /** An evaluator, the vendor's own where there is one, of what the backend holds now. */
  evaluator(): Promise<(id: string, context: Context) => Evaluation>;
  /** All that is not ours to change at the vendor: other flags, unknown fields. */
  others(): Promise<unknown>;
  /** Somebody changes the flag at the vendor to what no exposure of the plan is. */
  changeByHand(): Promise<void>;
  close?(): Promise<void>;
}

export const note: ChangeNote = { rollout: "checkout", stage: "5%", reason: "a test", head: "0".repeat(64) };

/** A flag whose audience uses every kind of rule of precedence. */
export function conformanceTarget(changes: Partial<FlagTarget> = {}): FlagTarget {
  return {
    key: "new-checkout",
    treatment: "on",
    control: "off",
    propagation: 0,
    writeWithin: 30_000,
    audience: {
      eligible: { attribute: "plan", notIn: ["trial"] },
      exclude: ["frozen"],
      testers: ["qa"],
      holdout: 5_000,
      segments: {
        frozen: { rule: { attribute: "frozen", equals: true } },
        qa: { rule: { attribute: "email", endsWith: "@qa.example.com" } },
        staff: { rule: { attribute: "email", endsWith: "@staff.example.com" } },
        europe: { rule: { attribute: "region", in: ["eu-west", "eu-central"] } },
      },
    },
    ...changes,
  };
}

/** Each a superset of the one before, from nobody to everybody. */
export const growingExposures: Exposure[] = [
  { testers: true, everyone: 0, segments: {} },
  { testers: true, everyone: 0, segments: { staff: EVERYBODY } },
  { testers: true, everyone: 0, segments: { staff: EVERYBODY, europe: 20_000 } },
  { testers: true, everyone: 5_000, segments: { staff: EVERYBODY, europe: 20_000 } },
  { testers: true, everyone: 25_000, segments: { staff: EVERYBODY, europe: 20_000 } },
  { testers: true, everyone: 25_000, segments: { staff: EVERYBODY, europe: 50_000 } },
  { testers: true, everyone: 50_000, segments: { staff: EVERYBODY, europe: 50_000 } },
  { testers: true, everyone: EVERYBODY, segments: { staff: EVERYBODY, europe: 50_000 } },
];

export interface Unit {
  id: string;
  context: Context;
}

/** Units of every kind, the same each time. Every fiftieth is frozen, a tester, staff, or on trial. */
export function makeUnits(count: number): Unit[] {
  const regions = ["eu-west", "us-east", "eu-central", "us-west", "ap-south"];
  return Array.from({ length: count }, (_, index) => {
    const kind = index % 50;
    const domain = kind === 1 || kind === 2 ? "qa" : kind === 3 ? "staff" : "users";
    const context: Context = {
      email: `user${index}@${domain}.example.com`,
      region: regions[Math.floor(index / 50) % regions.length],
      plan: kind === 4 || kind === 2 ? "trial" : "paid",
      frozen: kind === 0 || (kind === 1 && index % 3 === 0),
    };
    return { id: `user-${index}`, context };
  });
}

/** What a rule means: the reference that every backend's own language is held against. */
export function matches(rule: Rule, context: Context): boolean {
  if ("all" in rule) return rule.all.every((part) => matches(part, context));
  if ("any" in rule) return rule.any.some((part) => matches(part, context));
  if ("not" in rule) return !matches(rule.not, context);
  const value = context[rule.attribute];
  if ("in" in rule) return (rule.in as unknown[]).includes(value);
  if ("inFile" in rule) return (rule.values as unknown[]).includes(value);
  if ("notIn" in rule) return !(rule.notIn as unknown[]).includes(value);
  if ("equals" in rule) return value === rule.equals;
  if ("startsWith" in rule) return typeof value === "string" && value.startsWith(rule.startsWith);
  if ("endsWith" in rule) return typeof value === "string" && value.endsWith(rule.endsWith);
  if ("contains" in rule) return typeof value === "string" && value.includes(rule.contains);
  if ("above" in rule) return typeof value === "number" && value > rule.above;
  if ("below" in rule) return typeof value === "number" && value < rule.below;
  throw new Error("the reference does not compare versions");
}

export type Place = "excluded" | "tester" | "ineligible" | "eligible";

/** Where a unit stands by the rules of the audience, before any chance. */
export function placeOf(target: FlagTarget, exposure: Exposure, context: Context): Place {
  const { audience } = target;
  const isIn = (name: string): boolean => matches(audience.segments[name]!.rule, context);
  if (audience.exclude.some(isIn)) return "excluded";
  if (exposure.testers && audience.testers.some(isIn)) return "tester";
  if (audience.eligible && !matches(audience.eligible, context)) return "ineligible";
  return "eligible";
}

/** The largest share that a unit matches. */
export function ownShare(target: FlagTarget, exposure: Exposure, context: Context): number {
  const shares = Object.entries(exposure.segments).filter(([name]) => matches(target.audience.segments[name]!.rule, context));
  return Math.max(exposure.everyone, ...shares.map(([, share]) => share));
}

/** Within three standard deviations of the share that chance alone would give. */
export function expectShare(hits: number, total: number, share: number, what: string): void {
  const deviation = Math.sqrt((share * (1 - share)) / total);
  expect(Math.abs(hits / total - share), `${what}: ${hits} of ${total}, expected ${share}`).toBeLessThanOrEqual(3 * deviation + 1e-12);
}

export function expectKnown(reading: FlagReading, exposure: Exposure): void {
  expect(reading.kind, JSON.stringify(reading)).toBe("known");
  if (reading.kind === "known") expect(sameExposure(reading.exposure, exposure), JSON.stringify(reading.exposure)).toBe(true);
}

export function flagBackendConformance(name: string, makeFixture: () => Promise<FlagBackendFixture>): void {
  describe(`${name}: what every flag backend owes`, () => {
    let fixture: FlagBackendFixture;
    let backend: FlagBackend;
    let target: FlagTarget;
    let exposures: Exposure[];

    beforeEach(async () => {
      fixture = await makeFixture();
      ({ backend, target } = fixture);
      // What of them the target has segments and testers for, each still more than the one before.
      const segments = new Set(Object.keys(target.audience.segments));
      const known = ({ segments: shares }: Exposure) => Object.fromEntries(Object.entries(shares).filter(([name]) => segments.has(name)));
      exposures = growingExposures
        .map((exposure) => asTarget({ ...exposure, segments: known(exposure) }))
        .filter((exposure, index, all) => !sameExposure(exposure, all[index - 1] ?? OFF));
    });
    afterEach(() => fixture.close?.());

    /** Only who has testers can give them the feature. */
    const asTarget = (exposure: Exposure): Exposure => ({ ...exposure, testers: exposure.testers && target.audience.testers.length > 0 });
    const writeNow = async (exposure: Exposure): Promise<void> => {
      await backend.write(target, exposure, (await backend.read(target)).revision, note);
    };
    const exposureNow = async (): Promise<Exposure> => {
      const reading = await backend.read(target);
      return reading.kind === "known" ? reading.exposure : expect.fail(reading.found);
    };
    /** The ids that have the feature, and who was served which variant. */
    const evaluateAll = async (units: Unit[]) => {
      const evaluate = await fixture.evaluator();
      const served = new Map(units.map(({ id, context }) => [id, evaluate(id, context)]));
      return { served, treated: new Set([...served].filter(([, { value }]) => value === true).map(([id]) => id)) };
    };

    test("it can express the audience of this suite", () => {
      expect(fixture.traits.cannotExpress(target)).toEqual([]);
    });

    test("an absent flag is off", async () => {
      expectKnown(await backend.read(target), OFF);
    });

    test("what was written is read back, whatever was there before", async () => {
      for (const exposure of [...exposures, OFF, ...exposures.toReversed()]) {
        await writeNow(exposure);
        expectKnown(await backend.read(target), exposure);
      }
    });

    test("every write changes the revision, also one of equal content where the revision is not of the content alone", async () => {
      let before = (await backend.read(target)).revision;
      const revisions = new Set([before]);
      for (const exposure of [exposures[0]!, exposures[0]!, OFF, OFF, exposures[0]!]) {
        const isNew = !sameExposure(await exposureNow(), exposure);
        await writeNow(exposure);
        const { revision } = await backend.read(target);
        if (isNew || !fixture.revisionOfContent) expect(revision).not.toBe(before);
        before = revision;
        revisions.add(revision);
      }
      expect(revisions.size).toBeGreaterThanOrEqual(fixture.revisionOfContent ? 2 : 6);
    });

    test("reading changes nothing", async () => {
      await writeNow(exposures[1]!);
      expect(await backend.read(target)).toEqual(await backend.read(target));
    });

    test("a write on a stale revision is a conflict and writes nothing", async () => {
      if (fixture.traits.concurrency === "none") return;
      const absent = (await backend.read(target)).revision;
      await writeNow(exposures[0]!);
      const stale = (await backend.read(target)).revision;
      await writeNow(exposures[1]!);
      const before = await backend.read(target);
      for (const revision of [stale, absent, ""]) {
        await expect(backend.write(target, OFF, revision, note)).rejects.toBeInstanceOf(Conflict);
      }
      expect(await backend.read(target)).toEqual(before);
    });

    test("what is not ours stays as it is", async () => {
      const before = await fixture.others();
      for (const exposure of [...exposures, OFF]) {
        await writeNow(exposure);
        expect(await fixture.others()).toEqual(before);
      }
    });

    test("a share of the promised granularity is served and read back", async () => {
      const step = Math.round((fixture.traits.granularity * EVERYBODY) / 100);
      for (const everyone of [step, EVERYBODY / 2 + step, EVERYBODY - step]) {
        const exposure = asTarget({ testers: true, everyone, segments: {} });
        await writeNow(exposure);
        expectKnown(await backend.read(target), exposure);
      }
    });

    test("a change by hand that no exposure of the plan is reads as foreign, and is overwritten by a rollback", async () => {
      await writeNow(exposures[1]!);
      await fixture.changeByHand();
      const reading = await backend.read(target);
      expect(reading.kind).toBe("foreign");
      await writeNow(OFF);
      expectKnown(await backend.read(target), OFF);
    });

    test("off serves the control to all, testers too, and off twice is off", async () => {
      const units = makeUnits(500);
      await writeNow(exposures.at(-1)!);
      for (let round = 0; round < 2; round += 1) {
        await writeNow(OFF);
        const { served } = await evaluateAll(units);
        expect(new Set([...served.values()].map(({ value }) => value))).toEqual(new Set([false]));
        expectKnown(await backend.read(target), OFF);
      }
    });

    test("who is in stays in; testers always have it, the excluded, ineligible and held out never, and each share is right", async () => {
      const units = makeUnits(6_000);
      await writeNow(asTarget({ testers: true, everyone: EVERYBODY, segments: {} }));
      const everybody = (await evaluateAll(units)).treated;
      let before = new Set<string>();
      for (const exposure of exposures) {
        await writeNow(exposure);
        const { served, treated } = await evaluateAll(units);
        const byShare = new Map<number, { hits: number; total: number }>();
        const eligible = units.filter(({ context }) => placeOf(target, exposure, context) === "eligible");
        const free = eligible.filter(({ id }) => everybody.has(id));
        expectShare(free.length, eligible.length, 1 - target.audience.holdout / EVERYBODY, "outside the holdout");
        for (const { id, context } of units) {
          const place = placeOf(target, exposure, context);
          if (place === "tester") expect(treated.has(id), `tester ${id}`).toBe(true);
          if (place === "excluded" || place === "ineligible") expect(treated.has(id), `${place} ${id}`).toBe(false);
          if (place === "eligible" && !everybody.has(id)) expect(treated.has(id), `held out ${id}`).toBe(false);
          if (before.has(id)) expect(treated.has(id), `${id} was in before`).toBe(true);
          if (fixture.namesGroups && place !== "eligible") {
            expect([target.treatment, target.control], `${place} ${id}`).not.toContain(served.get(id)!.variant);
          }
        }
        for (const { id, context } of free) {
          const share = ownShare(target, exposure, context);
          const count = byShare.get(share) ?? { hits: 0, total: 0 };
          byShare.set(share, { hits: count.hits + (treated.has(id) ? 1 : 0), total: count.total + 1 });
        }
        for (const [share, { hits, total }] of byShare) expectShare(hits, total, share / EVERYBODY, `share ${share}`);
        before = treated;
      }
    });
  });
}
