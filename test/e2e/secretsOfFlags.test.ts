import type { RequestListener } from "node:http";
import { readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { startFlagService, versioned, type FlagService } from "../flags/flagService.ts";
import { base64, CANARY, expectSilence, sung, USER } from "../support/canary.ts";
import { callRollout, type Ran } from "../support/cli.ts";
import { faults } from "../support/faultyServer.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

/** The same of flag systems of one's own: a service or a program sings its secret back in every way that it can fail in. */

interface Own {
  scene: Scene;
  /** From now on it sings. */
  sing(): Promise<unknown>;
}

async function onService(how: Record<string, unknown>, listener: RequestListener): Promise<Own & { service: FlagService }> {
  const [shop, service] = [await startShopPage(), await startFlagService({ checkout: 0 })];
  const backend = { type: "http", ...versioned(service.url), ...how };
  const scene = await makeScene(planTree(shop.url, { flag: { backend, propagation: "0s", writeWithin: "4s" } }));
  await scene.write("canary.txt", `${CANARY}\n`);
  return { scene, service, sing: async () => (service.instead = listener) };
}

/** `singing`: what the program does instead, once there is a file of that name. */
async function onProgram(singing: string): Promise<Own> {
  const shop = await startShopPage();
  const backend = { type: "command", command: [process.execPath, "flag.mjs"], env: { TOKEN: "${env:CANARY}" }, checked: true };
  const scene = await makeScene(planTree(shop.url, { flag: { backend, propagation: "0s", writeWithin: "4s" } }));
  await scene.write("flag.mjs", programText(singing));
  return { scene, sing: () => scene.write("singing", "") };
}

const programText = (singing: string) => `
import { existsSync, readFileSync, writeFileSync } from "node:fs";
const question = JSON.parse(readFileSync(0, "utf8"));
const flag = existsSync("flag") ? JSON.parse(readFileSync("flag", "utf8")) : { percentage: 0, revision: 0 };
const say = (answer) => console.log(JSON.stringify(answer));
const { TOKEN } = process.env;
const answer = () => {
  if (question.action === "read") return say({ percentage: flag.percentage, revision: String(flag.revision) });
  writeFileSync("flag", JSON.stringify({ percentage: question.exposure.percentage, revision: flag.revision + 1 }));
  say({});
};
if (existsSync("singing")) { ${singing} } else answer();
`;

/** All that somebody does with a flag that fails, at the highest verbosity. */
async function everything({ scene, sing }: Own): Promise<Ran[]> {
  const env = { CANARY, ROLLOUT_DEBUG: "1", HOME: scene.folder };
  const call = (...args: string[]) => callRollout(args, { cwd: scene.folder, env });
  const begun = await call("advance", "plan.yaml");
  expect(begun).toMatchObject({ status: 0 });
  await sing();
  const runs = [begun];
  const briefly = ["--rollback-for", "100ms"];
  for (const args of [
    ["advance", "plan.yaml"],
    ["advance", "plan.yaml", "--json"],
    ["status", "checkout"],
    ["resume", "checkout", "--restore"],
    ["rollback", "plan.yaml", ...briefly],
    ["advance", "plan.yaml", "--json", ...briefly],
    ["log", "checkout"],
    ["log", "checkout", "--json"],
    ["status", "checkout", "--json"],
  ])
    runs.push(await call(...args));
  return runs;
}

const answers: Record<string, RequestListener> = {
  "a 401 that repeats the headers": faults["an echo of the headers"]!,
  "a 500 that says it in every form": (request, response) => response.writeHead(500).end(sung(request)),
  "a conflict": (request, response) => response.writeHead(409).end(sung(request)),
  "a percentage": (request, response) => response.end(JSON.stringify({ version: 1, rollout: { percentage: sung(request) } })),
  "a revision": (request, response) => response.end(JSON.stringify({ version: sung(request).slice(0, 900), rollout: { percentage: 5 } })),
  "something else than JSON": (request, response) => response.end(`{"version": ${sung(request)}`),
  "a redirect to another host": (request, response) =>
    response.writeHead(302, { location: `http://elsewhere.example/${encodeURIComponent(sung(request))}` }).end(),
  "a connection that is cut off": faults["reset"]!,
};

const ways: [string, Record<string, unknown>][] = [
  ["a bearer", { bearer: "${env:CANARY}" }],
  ["a password from a file", { username: USER, password: "${file:canary.txt}" }],
  ["a header", { headers: { "X-Token": "${env:CANARY}" } }],
];

describe("nothing repeats the secret of a flag service that answers with", () => {
  const cases = Object.entries(answers).map(([what, listener], index) => {
    const [way, how] = ways[index % ways.length]!;
    return [what, way, listener, how] as const;
  });
  test.concurrent.each(cases)("%s, when it was %s", { timeout: 60_000 }, async (_, __, listener, how) => {
    const own = await onService(how, listener);
    await expectSilence(own.scene, ...(await everything(own)));
    // It did get there.
    const heard = own.service.requests.map(({ headers }) => `${headers.authorization} ${String(headers["x-token"])}`).join(" ");
    expect([CANARY, base64(`${USER}:${CANARY}`)].some((form) => heard.includes(form))).toBe(true);
  });
});

describe("nothing repeats the secret of a program that says it", () => {
  test.concurrent.each([
    ["in its complaint", "process.stderr.write(TOKEN); process.exitCode = 1;"],
    ["as an error, and as what to do", "say({ error: TOKEN, hint: TOKEN });"],
    ["as a conflict", "say({ conflict: TOKEN });"],
    ["as what it found", "say({ foreign: TOKEN, revision: '7' });"],
    ["as its revision", "say(question.action === 'read' ? { percentage: 5, revision: TOKEN } : {});"],
    ["in a wrong answer", "say({ percentage: TOKEN });"],
    ["in garbage", "process.stdout.write(encodeURIComponent(TOKEN) + Buffer.from(TOKEN).toString('base64'));"],
  ])("%s", { timeout: 60_000 }, async (_, singing) => {
    const own = await onProgram(singing);
    await expectSilence(own.scene, ...(await everything(own)));
  });
});

test("a flag whose revision holds the secret can be written all the same", async () => {
  const own = await onService({ bearer: "${env:CANARY}" }, (request, response) => {
    // A service that is well, and whose versions begin with what it was sent.
    const { service } = own;
    const flag = service.flags.get("checkout")!;
    const version = `${String(request.headers.authorization)}/${flag.version}`;
    if (request.method === "GET") return void response.end(JSON.stringify({ ...flag, version }));
    const sent = JSON.parse(service.requests.at(-1)!.body) as { version: string; rollout: object };
    if (sent.version !== version) return void response.writeHead(409).end();
    flag.rollout = { ...flag.rollout, ...sent.rollout };
    flag.version++;
    response.end("{}");
  });
  await own.sing();
  const call = (...args: string[]) => callRollout(args, { cwd: own.scene.folder, env: { CANARY, ROLLOUT_DEBUG: "1" } });
  const runs = [await call("advance", "plan.yaml"), await call("advance", "plan.yaml", "--wait", "10s")];
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
  expect(own.service.flags.get("checkout")?.rollout.percentage).toBe(50);
  runs.push(await call("rollback", "checkout"));
  expect(own.service.flags.get("checkout")?.rollout.percentage).toBe(0);
  await expectSilence(own.scene, ...runs);
});

test("nothing repeats the secret when a rollback is kept until its ledger can be reached", { timeout: 60_000 }, async () => {
  const own = await onService({ bearer: "${env:CANARY}" }, (request, response) => {
    response.setHeader("x-echo", String(request.headers.authorization));
    own.service.serve(request, response);
  });
  const place = { cwd: own.scene.folder, env: { CANARY, ROLLOUT_DEBUG: "1", HOME: own.scene.folder } };
  expect(await callRollout(["advance", "plan.yaml"], place)).toMatchObject({ status: 0 });
  await own.sing();
  const ledgers = join(own.scene.folder, ".rollout");
  await rename(ledgers, `${ledgers}-away`);
  await writeFile(ledgers, "a file where the ledgers were");
  const runs = [await callRollout(["rollback", "plan.yaml", "--reason", "tests"], place)];
  expect(runs[0]).toMatchObject({ status: 0, stderr: expect.stringContaining("NOT RECORDED") });
  const spool = join(own.scene.folder, ".local", "state", "rollout", "spool");
  expect(await readdir(spool)).toHaveLength(1);
  await expectSilence(own.scene, ...runs);

  await rename(ledgers, `${ledgers}-file`);
  await rename(`${ledgers}-away`, ledgers);
  runs.push(await callRollout(["advance", "plan.yaml", "--json"], place));
  expect(await readdir(spool)).toEqual([]);
  await expectSilence(own.scene, ...runs);
});
