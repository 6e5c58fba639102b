import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { startShop } from "../../src/demo/shop.ts";
import { customer, OFF, ON, openTestShop, STAFF, staff, type TestShop } from "./shops.ts";

const open: TestShop[] = [];
const shopWith = async (...given: Parameters<typeof openTestShop>) => {
  const shop = await openTestShop(...given);
  open.push(shop);
  return shop;
};
afterEach(async () => {
  for (const shop of open.splice(0)) await shop.close();
});

/** Statuses of so many visits, one after the other. */
async function visits(shop: TestShop, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let visit = 0; visit < count; visit++) statuses.push((await shop.visit()).status);
  return statuses;
}

async function sharesOf(shop: TestShop, variant: string): Promise<{ errors: number; slow: number }> {
  const total = (await shop.counter("shop_requests_total", variant)) ?? 0;
  const [errors = 0, slow = 0] = [
    await shop.counter("shop_errors_total", variant),
    await shop.counter("shop_slow_requests_total", variant),
  ];
  return { errors: errors / total, slow: slow / total };
}

describe("the shop's flags", () => {
  test("a page serves, and counts, the variant that the flag file gives to this user", async () => {
    const shop = await shopWith(STAFF, { seed: 3 });
    expect((await shop.visit("/", staff)).text).toContain("New recommendations (variant on-staff)");
    expect((await shop.visit("/product/7", customer)).text).toContain("Old recommendations (variant off)");
    await shop.visit("/checkout?step=2", customer);
    expect(await shop.counter("shop_requests_total", "on-staff")).toBe(1);
    expect(await shop.counter("shop_requests_total", "off")).toBe(2);
  });

  test("a replaced file is served within 300 ms, however often it is replaced", async () => {
    const shop = await shopWith(OFF, { seed: 3 });
    for (const [flags, shown] of [
      [ON, "variant on)"],
      [OFF, "variant off)"],
      [ON, "variant on)"],
    ] as const) {
      await shop.replace(flags);
      await sleep(300);
      expect((await shop.visit()).text).toContain(shown);
    }
  });

  test("a file that is no JSON for a while leaves the flags as they were", async () => {
    const shop = await shopWith(ON, { seed: 3 });
    await writeFile(shop.flagsFile, OFF.slice(0, 30));
    await sleep(150);
    expect((await shop.visit()).text).toContain("variant on)");
    await writeFile(shop.flagsFile, OFF);
    await sleep(300);
    expect((await shop.visit()).text).toContain("variant off)");
  });

  test("two shops in one process read their own files", async () => {
    const [one, other] = [await shopWith(ON, { seed: 3 }), await shopWith(OFF, { seed: 3 })];
    expect((await one.visit()).text).toContain("variant on)");
    expect((await other.visit()).text).toContain("variant off)");
  });
});

describe("the shop's counters", () => {
  test("a variant has all three counters from its first request, and none before", async () => {
    const shop = await shopWith(OFF, { seed: 3 });
    expect(await shop.counter("shop_errors_total", "off")).toBeUndefined();
    await shop.visit();
    expect(await shop.counter("shop_errors_total", "off")).toBe(0);
    expect(await shop.counter("shop_slow_requests_total", "off")).toBe(0);
    expect(await shop.counter("shop_requests_total", "on")).toBeUndefined();
  });

  test("pages that there are not, and the metrics page, are not counted", async () => {
    const shop = await shopWith(OFF);
    expect((await shop.visit("/nowhere")).status).toBe(404);
    await shop.visit("/metrics");
    expect(await shop.counter("shop_requests_total", "off")).toBeUndefined();
  });

  test("every page that failed, and no other, is counted as an error", async () => {
    const shop = await shopWith(ON, { breakMode: "errors" });
    const statuses = await visits(shop, 200);
    expect(await shop.counter("shop_errors_total", "on")).toBe(statuses.filter((status) => status === 500).length);
  });
});

describe("how requests go", () => {
  test("is the same for the same seed, and not for another", async () => {
    const statuses = await Promise.all([8, 8, 9].map(async (seed) => visits(await shopWith(ON, { breakMode: "errors", seed }), 100)));
    expect(statuses[0]).toEqual(statuses[1]);
    expect(statuses[0]).not.toEqual(statuses[2]);
  });

  test.each([
    { breakMode: undefined, flags: ON, variant: "on", errors: 0.01, slow: 0.02 },
    { breakMode: undefined, flags: OFF, variant: "off", errors: 0.01, slow: 0.02 },
    { breakMode: "errors", flags: ON, variant: "on", errors: 0.25, slow: 0.02 },
    { breakMode: "errors", flags: OFF, variant: "off", errors: 0.01, slow: 0.02 },
    { breakMode: "latency", flags: ON, variant: "on", errors: 0.01, slow: 0.3 },
    { breakMode: "latency", flags: OFF, variant: "off", errors: 0.01, slow: 0.02 },
  ] as const)(
    "with $breakMode broken, $variant fails at $errors and is slow at $slow",
    async ({ breakMode, flags, variant, errors, slow }) => {
      const shop = await shopWith(flags, { breakMode, seed: 5 });
      const requests = 1_000;
      await visits(shop, requests);
      const seen = await sharesOf(shop, variant);
      const deviation = (rate: number) => Math.sqrt((rate * (1 - rate)) / requests);
      expect(Math.abs(seen.errors - errors)).toBeLessThan(4 * deviation(errors));
      expect(Math.abs(seen.slow - slow)).toBeLessThan(4 * deviation(slow));
    },
  );
});

test("without a flag file, or on a port that is taken, the shop says so", async () => {
  await expect(startShop({ flagsFile: "/nowhere/flags.json", port: 0, seed: 1 })).rejects.toMatchObject({ code: "unreachable" });
  const { port, flagsFile } = await shopWith(OFF);
  await expect(startShop({ flagsFile, port, seed: 1 })).rejects.toMatchObject({ code: "unreachable" });
});
