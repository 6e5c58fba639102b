import { appendFile, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { verificationSchema } from "../../src/report/log.schema.ts";
import { makeHolder } from "../ledger/keys.ts";
import type { Ran } from "../support/cli.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

const holder = makeHolder();
const stranger = makeHolder();
const SEED = holder.privateKey.export({ type: "pkcs8", format: "der" }).subarray(-32).toString("base64");
/** What would give the key away. */
const GIVEAWAYS = [
  SEED,
  holder.pem.split("\n")[1]!,
  Buffer.from(SEED, "base64").toString("hex"),
  Buffer.from(SEED, "base64").toString("base64url"),
];

const signing = { ROLLOUT_SIGNING_KEY: holder.pem };

/** A rollout that has moved twice: 7 entries, signed by whoever had the key. */
async function movedTwice(env: Record<string, string>, plan: object = { ledger: { signingKey: "${env:ROLLOUT_SIGNING_KEY}" } }) {
  const shop = await startShopPage();
  const scene = await makeScene(planTree(shop.url, { ...plan }));
  await scene.write("ann.pub", holder.publicPem);
  await scene.write("others.pub", `# allowed\n${stranger.publicPem}`);
  const ran = [await scene.callWith(env, "advance", "plan.yaml"), await scene.callWith(env, "advance", "plan.yaml", "--json")];
  for (const { status } of ran) expect(status).toBe(0);
  return { shop, scene, ran };
}

const verify = (scene: Scene, ...args: string[]) => scene.call("log", "verify", "checkout", ...args);
const entryFile = (scene: Scene, seq: number) => join(scene.folder, ".rollout", "checkout", `${String(seq).padStart(9, "0")}.json`);

function reportIn({ stdout }: Ran) {
  return verificationSchema.parse(JSON.parse(stdout));
}

describe("`log verify` names the first entry that is not as it was written, and why", () => {
  const change = (seq: number, how: (bytes: Buffer) => Buffer) => async (scene: Scene) =>
    writeFile(entryFile(scene, seq), how(await readFile(entryFile(scene, seq))));
  const flip = (bytes: Buffer, at: number) => {
    bytes[at]! ^= 1;
    return bytes;
  };

  test.each<[string, (scene: Scene) => Promise<unknown>, RegExp, RegExp]>([
    [
      "a digit of its time",
      change(3, (bytes) => flip(bytes, bytes.indexOf('"at":') + 8)),
      /entry 4: the entry before it is not the one/,
      /entry 3: its signature/,
    ],
    ["a quote", change(3, (bytes) => flip(bytes, bytes.indexOf('"'))), /entry 3: it is not JSON/, /entry 3: it is not JSON/],
    [
      "its number",
      change(3, (bytes) => Buffer.from(bytes.toString().replace('"seq":3', '"seq":4'))),
      /entry 3: it says it is entry 4/,
      /entry 3: it says it is entry 4/,
    ],
    [
      "bytes added at its end",
      (scene) => appendFile(entryFile(scene, 3), " "),
      /entry (3: its signature is not the end|4: the entry before)/,
      /entry 3: its signature is not the end/,
    ],
    [
      "bytes added within",
      change(3, (bytes) => Buffer.from(bytes.toString().replace('"kind":', '"note":1,"kind":'))),
      /entry 3: it is not an entry/,
      /entry 3: it is not an entry/,
    ],
    ["bytes cut off", (scene) => truncate(entryFile(scene, 3), 100), /entry 3: it is not JSON/, /entry 3: it is not JSON/],
    ["all bytes cut off", (scene) => truncate(entryFile(scene, 3)), /entry 3: it is empty/, /entry 3: it is empty/],
    ["it is gone", (scene) => rm(entryFile(scene, 3)), /entry 3: it is missing, though later ones are there/, /entry 3: it is missing/],
    [
      "it changed places with the next",
      async (scene) => {
        await rename(entryFile(scene, 3), join(scene.folder, "aside"));
        await rename(entryFile(scene, 4), entryFile(scene, 3));
        await rename(join(scene.folder, "aside"), entryFile(scene, 4));
      },
      /entry 3: it says it is entry 4/,
      /entry 3: it says it is entry 4/,
    ],
    [
      "it and all after it moved up, one gone",
      async (scene) => {
        for (let seq = 3; seq < 7; seq++) await rename(entryFile(scene, seq + 1), entryFile(scene, seq));
      },
      /entry 3: it says it is entry 4/,
      /entry 3: it says it is entry 4/,
    ],
    [
      "something that is none comes after the last",
      (scene) => writeFile(entryFile(scene, 8), "{}\n"),
      /entry 8: it is not an entry/,
      /entry 8: it is not an entry/,
    ],
  ])("%s", async (_, damage, bare, withKey) => {
    const { scene } = await movedTwice(signing);
    await damage(scene);
    const runs = [await verify(scene), await verify(scene, "--key", "ann.pub")];
    for (const { status, stdout } of runs) expect([status, stdout]).toEqual([7, ""]);
    expect(runs[0]!.stderr).toMatch(bare);
    expect(runs[1]!.stderr).toMatch(withKey);
  });

  test("the last entry, changed: without a signature or a head it does not show", async () => {
    const { scene } = await movedTwice({}, {});
    const { head } = reportIn(await verify(scene, "--json"));
    const damage = change(7, (bytes) => Buffer.from(bytes.toString().replace('"who":"', '"who":"not ')));
    await damage(scene);
    expect(await verify(scene)).toMatchObject({ status: 0, stdout: expect.stringContaining("a change of the last entry") });
    expect(await verify(scene, "--head", head.hash)).toMatchObject({ status: 7, stderr: expect.stringContaining("no entry has the hash") });
    const signed = (await movedTwice(signing)).scene;
    await damage(signed);
    expect(await verify(signed, "--key", "ann.pub")).toMatchObject({
      status: 7,
      stderr: expect.stringContaining("entry 7: its signature"),
    });
  });

  test("the last entries, cut off: a shorter ledger is as good, and only a head tells", async () => {
    const { scene } = await movedTwice(signing);
    const { head } = reportIn(await verify(scene, "--json"));
    await rm(entryFile(scene, 7));
    const { status, stdout } = await verify(scene, "--key", "ann.pub");
    expect(status).toBe(0);
    expect(stdout).toContain("a tail that was cut off does not show");
    expect(await verify(scene, "--key", "ann.pub", "--head", head.hash)).toMatchObject({ status: 7 });
  });
});

describe("`log verify --key` says what is vouched for, and by whom", () => {
  test("all of a ledger whose runners all have the key", async () => {
    const { scene } = await movedTwice(signing);
    const { status, stdout } = await verify(scene, "--key", "ann.pub");
    expect(status).toBe(0);
    expect(stdout).toContain(`signed by ${holder.signer.key.slice(0, 16)}: 7 entries, the last is 7`);
    expect(stdout).toContain("nothing up to entry 7 has changed since it was signed");
    expect(stdout).not.toContain("nobody vouches");
    expect(reportIn(await verify(scene, "--key", "ann.pub", "--json")).signatures).toEqual({
      by: [{ key: holder.signer.key, verified: true, entries: 7, last: 7 }],
      upTo: 7,
      unsigned: [],
      after: [],
    });
  });

  test("a person who pauses without the key is warned, not held up, and told of", async () => {
    const { scene } = await movedTwice(signing);
    const paused = await scene.call("pause", "checkout", "--reason", "lunch");
    expect(paused.status).toBe(0);
    expect(paused.stderr).toMatch(/^warning: what is recorded here is not signed: .*ROLLOUT_SIGNING_KEY\} is not set\n$/);
    const { status, stdout } = await verify(scene, "--key", "ann.pub");
    expect(status).toBe(0);
    expect(stdout).toMatch(/nobody vouches for what came after entry 7:\n {2}8 paused \[.*, claimed\]/);
    expect(await scene.callWith(signing, "advance", "plan.yaml")).toMatchObject({ status: 0 });
    const after = await verify(scene, "--key", "ann.pub");
    expect(after.stdout).toContain("nothing up to entry 9 has changed since it was signed");
    expect(after.stdout).toContain("though they were there when it was signed: entry 8 (paused)");
  });

  test("an emergency rollback without the key is damage to a verifier, unless its head is given", async () => {
    const { scene } = await movedTwice(signing);
    const { status, stdout } = await scene.call("rollback", "checkout");
    expect(status).toBe(0);
    expect(await scene.usersWithFeature()).toBe(0);
    expect(await verify(scene, "--key", "ann.pub")).toMatchObject({
      status: 7,
      stderr: expect.stringMatching(/entry 9: this change of exposure \(applied\) is not signed.*is 7\n.*--head/),
    });
    const head = /head 9 ([0-9a-f]{64})/.exec(stdout)?.[1];
    expect(await verify(scene, "--key", "ann.pub", "--head", head!)).toMatchObject({ status: 0 });
  });

  test("another's key alone vouches for nothing; beside the right one it does no harm", async () => {
    const { scene } = await movedTwice(signing);
    const { status, stderr } = await verify(scene, "--key", "others.pub");
    expect(status).toBe(7);
    expect(stderr).toContain(`is signed by a key that was not given (${holder.signer.key.slice(0, 16)})`);
    expect(await verify(scene, "--key", "others.pub", "--key", "ann.pub")).toMatchObject({ status: 0 });
  });

  test("a ledger that was written anew with another key is not taken for the old one", async () => {
    const { scene } = await movedTwice({ ROLLOUT_SIGNING_KEY: stranger.pem });
    expect(await verify(scene)).toMatchObject({ status: 0, stdout: expect.stringContaining("that key was not given") });
    expect(await verify(scene, "--key", "ann.pub")).toMatchObject({ status: 7 });
  });

  test.each<[string, string[], RegExp]>([
    ["no such file", ["--key", "nowhere"], /there is no file nowhere/],
    ["a folder", ["--key", ".rollout"], /\.rollout is no small file with keys/],
    ["a file without keys", ["--key", "plan.yaml"], /plan\.yaml: line 1 is not a public key of ed25519/],
    ["the private key", ["--key", "private.pem"], /private\.pem: that is a private key/],
  ])("%s is a mistake on the command line", async (_, args, message) => {
    const { scene } = await movedTwice(signing);
    await scene.write("private.pem", holder.pem);
    const { status, stderr } = await verify(scene, ...args);
    expect(status).toBe(2);
    expect(stderr).toMatch(message);
    for (const giveaway of GIVEAWAYS) expect(stderr).not.toContain(giveaway);
  });
});

describe("the key is nowhere in what is written or said", () => {
  const references: [string, Record<string, string>, object, string | undefined][] = [
    ["as PEM in our variable", { ROLLOUT_SIGNING_KEY: holder.pem }, { signingKey: "${env:ROLLOUT_SIGNING_KEY}" }, undefined],
    ["as a seed in our variable", { ROLLOUT_SIGNING_KEY: SEED }, { signingKey: "${env:ROLLOUT_SIGNING_KEY}" }, undefined],
    ["in a file", {}, { signingKey: "${file:keys/signing.pem}" }, "keys/signing.pem"],
    [
      "in our variable, in CI, where it needs no list",
      { CI: "true", ROLLOUT_SIGNING_KEY: SEED },
      { signingKey: "${env:ROLLOUT_SIGNING_KEY}" },
      undefined,
    ],
  ];

  test.each(references)("%s", async (_, env, ledger, file) => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { ledger }));
    if (file) await scene.write(file, holder.pem);
    const debug = { ...env, ROLLOUT_DEBUG: "1" };
    const runs = [
      await scene.rolloutWith(debug, "advance", "plan.yaml", "--json"),
      await scene.callWith(debug, "log", "checkout", "--json"),
      await scene.callWith(debug, "log", "verify", "checkout", "--json"),
      await scene.callWith(debug, "explain", "plan.yaml", "--json"),
      await scene.callWith(debug, "status", "checkout", "--json"),
    ];
    for (const { status } of runs) expect(status).toBe(0);
    await scene.write("ann.pub", holder.publicPem);
    expect(await verify(scene, "--key", "ann.pub")).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("4 entries, the last is 4"),
    });
    await expectSilence(scene, runs, file);
  });

  test("when it is none that can be used either", async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { ledger: { signingKey: "${env:ROLLOUT_SIGNING_KEY}" } }));
    const broken = holder.pem.replace("PRIVATE KEY", "RSA PRIVATE KEY");
    const run = await scene.callWith({ ROLLOUT_SIGNING_KEY: broken, ROLLOUT_DEBUG: "1" }, "advance", "plan.yaml", "--json");
    expect(run.status).toBe(0);
    expect(run.stderr).toContain("it cannot be read; it has to be an ed25519 private key");
    await expectSilence(scene, [run]);
  });

  test("and no other field of a plan may have our variable, so that no plan can send it", async () => {
    const shop = await startShopPage();
    const sources = { shop: { type: "openmetrics", url: `${shop.url}/metrics`, bearer: "${env:ROLLOUT_SIGNING_KEY}" } };
    const scene = await makeScene(planTree(shop.url, { sources }));
    for (const env of [signing, { ...signing, CI: "true", ROLLOUT_ENV: "ROLLOUT_SIGNING_KEY" }]) {
      const { status, stderr } = await scene.callWith(env, "advance", "plan.yaml");
      expect(status).toBe(2);
      expect(stderr).toContain("${env:ROLLOUT_SIGNING_KEY} may not be read: it is for rollout alone");
    }
    expect(shop.requests).toEqual([]);
  });

  async function expectSilence(scene: Scene, runs: Ran[], except?: string) {
    const files = (await readdir(scene.folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
    const paths = files.map(({ parentPath, name }) => join(parentPath, name)).filter((path) => !except || !path.endsWith(except));
    const texts = await Promise.all(paths.map((path) => readFile(path, "utf8")));
    for (const { stdout, stderr } of runs) texts.push(stdout, stderr);
    for (const text of texts) for (const giveaway of GIVEAWAYS) expect(text).not.toContain(giveaway);
  }
});
