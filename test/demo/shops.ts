import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startShop, FLAG, type Shop, type ShopOptions } from "../../src/demo/shop.ts";
import { makeUsers, type User } from "../../src/demo/users.ts";

/** A shop on any port, with a flag file of its own. */
export interface TestShop extends Shop {
  flagsFile: string;
  /** Replaces the flag file as a careful writer does: a new file that is renamed over the old one. */
  replace(text: string): Promise<void>;
  /** Asks for a page as this user; its status and text. */
  visit(path?: string, user?: User): Promise<{ status: number; text: string }>;
  /** The value of a sample of the metrics page; nothing when it is not there. */
  counter(name: string, variant: string): Promise<number | undefined>;
  close(): Promise<void>;
}

export const [staff, customer] = makeUsers(2, 1) as [User, User];

/** A flag file in which this targeting decides. */
export function flagsText(targeting: unknown): string {
  const variants = { on: true, off: false, "on-staff": true };
  return JSON.stringify({ flags: { [FLAG]: { state: "ENABLED", variants, defaultVariant: "off", targeting } } });
}

export const OFF = flagsText({});
export const ON = flagsText({ if: [true, "on", "off"] });
export const STAFF = flagsText({ if: [{ ends_with: [{ var: "email" }, "@example.com"] }, "on-staff", "off"] });

export async function openTestShop(
  flags: string,
  options: Partial<Pick<ShopOptions, "breakMode" | "seed" | "port">> = {},
): Promise<TestShop> {
  const folder = await mkdtemp(join(tmpdir(), "rollout-shop-"));
  const flagsFile = join(folder, "flags.json");
  await writeFile(flagsFile, flags);
  const shop = await startShop({ flagsFile, port: 0, seed: 1, ...options });
  return {
    ...shop,
    flagsFile,
    async replace(text) {
      await writeFile(`${flagsFile}.tmp`, text);
      await rename(`${flagsFile}.tmp`, flagsFile);
    },
    async visit(path = "/", user = customer) {
      const headers = { "x-user-id": user.id, "x-user-email": user.email, "x-user-region": user.region };
      const response = await fetch(shop.url + path, { headers });
      return { status: response.status, text: await response.text() };
    },
    async counter(name, variant) {
      const text = await (await fetch(shop.metricsUrl)).text();
      const value = new RegExp(`^${name}\\{variant="${variant}"\\} (\\d+)$`, "m").exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    },
    async close() {
      await shop.stop();
      await rm(folder, { recursive: true });
    },
  };
}
