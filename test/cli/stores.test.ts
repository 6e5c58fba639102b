import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { archiveSchema, storeCopySchema } from "../../src/report/store.schema.ts";
import { logEntrySchema, verificationSchema } from "../../src/report/log.schema.ts";
import { makeServed } from "../support/git.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

/** A rollout on its second stage, its ledger in the folder that is the default. */
let scene: Scene;
beforeAll(async () => {
  const shop = await startShopPage();
  scene = await makeScene(planTree(shop.url));
  for (let looks = 0; looks < 3; looks++) await scene.call("advance", "plan.yaml");
  makeServed(scene.folder, "team.git");
});

const headOf = async (...args: string[]) => {
  const { status, stdout } = await scene.call("log", "verify", "checkout", "--replay", "--json", ...args);
  expect(status).toBe(0);
  return verificationSchema.parse(JSON.parse(stdout)).head;
};

describe("a ledger that is copied to another store", () => {
  test("is the same ledger there, byte by byte, and can go on there", async () => {
    const git = `git:${join(scene.folder, "team.git")}`;
    const { status, stdout, stderr } = await scene.call("store", "copy", ".rollout", git, "--json");
    expect(status).toBe(0);
    expect(stderr).toContain("checkout: ");
    const report = storeCopySchema.parse(JSON.parse(stdout));
    expect(report.ledgers).toMatchObject([{ rollout: "checkout", ended: false }]);
    expect(report.ledgers[0]!.added).toBe(report.ledgers[0]!.entries);
    expect(await headOf("--store", git)).toEqual(report.ledgers[0]!.head);
    expect(await headOf()).toEqual(report.ledgers[0]!.head);
  });

  test("is copied once: again nothing is new, and what was added since is added there", async () => {
    const copied = async () => {
      const { stdout } = await scene.call("store", "copy", ".rollout", "copy", "checkout", "--json");
      const { entries, added } = storeCopySchema.parse(JSON.parse(stdout)).ledgers[0]!;
      return { entries, added };
    };
    const { entries } = await copied();
    expect(await copied()).toEqual({ entries, added: 0 });
    expect(await scene.call("pause", "checkout", "--reason", "lunch")).toMatchObject({ status: 0 });
    expect(await copied()).toEqual({ entries: entries + 1, added: 1 });
    expect(await scene.call("resume", "checkout")).toMatchObject({ status: 0 });
  });

  test("overwrites nothing: neither another ledger of its name nor a longer one", async () => {
    expect(await scene.call("store", "copy", ".rollout", "longer")).toMatchObject({ status: 0 });
    expect(await scene.call("pause", "checkout", "--store", "longer", "--reason", "there alone")).toMatchObject({ status: 0 });
    expect(await scene.call("store", "copy", ".rollout", "longer")).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("has the same") as string,
    });
    expect(await scene.call("pause", "checkout", "--reason", "here")).toMatchObject({ status: 0 });
    expect(await scene.call("store", "copy", ".rollout", "longer")).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("has another ledger checkout") as string,
    });
    expect(await scene.call("resume", "checkout")).toMatchObject({ status: 0 });
  });

  test("that nobody has is a mistake", async () => {
    expect(await scene.call("store", "copy", ".rollout", "copy", "nobody")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("there is no rollout nobody") as string,
    });
  });
});

describe("a ledger as a file", () => {
  const lines = async (...args: string[]) => (await scene.call("log", "export", "checkout", ...args)).stdout.trimEnd().split("\n");

  test("of JSON lines has every entry with its hash", async () => {
    const entries = (await lines("--format", "jsonl")).map((line) => logEntrySchema.parse(JSON.parse(line)));
    expect(entries.map(({ entry }) => entry.seq)).toEqual(entries.map((_, index) => index + 1));
    expect(entries.at(-1)!.hash).toBe((await headOf()).hash);
  });

  test("of a table has a row for each, and no text in it is a formula", async () => {
    expect(await scene.call("pause", "checkout", "--reason", '=cmd|" /C calc"!A0, and more')).toMatchObject({ status: 0 });
    expect(await scene.call("resume", "checkout", "--reason", "+1")).toMatchObject({ status: 0 });
    const [header, ...rows] = await lines("--format", "csv");
    expect(header).toBe("seq,at,run,kind,who,where,sentence,hash");
    expect(rows).toHaveLength((await headOf()).seq);
    expect(rows.at(-2)).toMatch(/,paused,.*,"by a person: =cmd\|"" \/C calc""!A0, and more",[0-9a-f]{64}$/);
  });
});

describe("an archive", () => {
  test("is of a rollout that is over", async () => {
    expect(await scene.call("log", "archive", "checkout", "early.ledger")).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("checkout is not over") as string,
    });
    expect(await scene.call("rollback", "checkout", "--reason", "tests")).toMatchObject({ status: 0 });
    const { status, stdout } = await scene.call("log", "archive", "checkout", "old.ledger", "--json");
    expect(status).toBe(0);
    expect(archiveSchema.parse(JSON.parse(stdout)).head).toEqual(await headOf());
  });

  test("is read, judged again and copied like any store, and nothing is added to it", async () => {
    const from = ["--store", "archive:old.ledger"];
    expect(await headOf(...from)).toEqual(await headOf());
    expect((await scene.call("log", "checkout", ...from)).stdout).toBe((await scene.call("log", "checkout")).stdout);
    expect((await scene.call("status", ...from)).stdout).toContain("checkout");
    expect(await scene.call("restart", "checkout", "--reason", "again", ...from)).toMatchObject({
      status: 4,
      stderr: expect.stringContaining("to which nothing is added") as string,
    });
    expect(await scene.call("store", "copy", "archive:old.ledger", "restored")).toMatchObject({ status: 0 });
    expect(await headOf("--store", "restored")).toEqual(await headOf());
  });

  test("overwrites no file, and says so of one that is not there", async () => {
    const before = await readFile(join(scene.folder, "plan.yaml"));
    expect(await scene.call("log", "archive", "checkout", "plan.yaml")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("plan.yaml exists") as string,
    });
    expect(await readFile(join(scene.folder, "plan.yaml"))).toEqual(before);
    expect(await scene.call("status", "--store", "archive:nowhere")).toMatchObject({ status: 5 });
    expect(await scene.call("log", "archive", "checkout", "no/such/folder.ledger")).toMatchObject({ status: 5 });
  });

  const whole = () => readFile(join(scene.folder, "old.ledger"));
  const unpacked = async () => gunzipSync(await whole()).toString();
  test.each<[string, () => Promise<Uint8Array>]>([
    ["cut off", async () => (await whole()).subarray(0, -20)],
    ["of another kind", async () => gzipSync("{}\n")],
    ["empty", async () => new Uint8Array()],
    ["not compressed", async () => Buffer.from(await unpacked())],
    ["without one of its entries", async () => gzipSync((await unpacked()).split("\n").toSpliced(3, 1).join("\n"))],
    ["with a line of nonsense", async () => gzipSync(`${await unpacked()}nonsense\n`)],
    [
      "with an entry that was changed",
      async () =>
        gzipSync(
          (await unpacked()).replace(/"seq":2,"bytes":"([^"]+)"/, (_, bytes: string) => {
            const text = Buffer.from(bytes, "base64").toString().replace('"seq":2', '"seq": 2');
            return `"seq":2,"bytes":"${Buffer.from(text).toString("base64")}"`;
          }),
        ),
    ],
  ])("that is %s is damage, and is told", async (_, change) => {
    await writeFile(join(scene.folder, "bad.ledger"), await change());
    expect((await scene.call("log", "verify", "checkout", "--store", "archive:bad.ledger")).status).toBe(7);
  });

  test("is a file that other programs unpack", async () => {
    const text = execFileSync("gzip", ["-dc", join(scene.folder, "old.ledger")], { encoding: "utf8" });
    expect(JSON.parse(text.split("\n")[0]!)).toEqual({ schema: "rollout.archive/1" });
  });
});
