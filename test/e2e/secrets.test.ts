import { readdir, readFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { authorizationOf, base64, CANARY, expectSilence, GIVEAWAYS, sung, USER } from "../support/canary.ts";
import { callRollout, rollout, startRollout, type Ran } from "../support/cli.ts";
import { faults } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { makeScene, planTree, startShopPage, type Scene } from "../support/scene.ts";

/** A canary, and the ways in which a source that fails could sing it back. It must be heard nowhere. */

const answers: Record<string, RequestListener> = {
  "a 401 that repeats the headers": faults["an echo of the headers"]!,
  "a 500 that says it in every form": (request, response) => response.writeHead(500).end(sung(request)),
  "an error of Prometheus' own": (request, response) =>
    response.writeHead(422, { "content-type": "application/json" }).end(JSON.stringify({ status: "error", error: sung(request) })),
  "a warning of Prometheus' own": (request, response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ status: "success", warnings: [sung(request)], data: { resultType: "vector", result: [] } })),
  "a redirect that carries it to another host": (request, response) =>
    response.writeHead(302, { location: `http://elsewhere.example/${encodeURIComponent(authorizationOf(request))}` }).end(),
  "invalid JSON": (request, response) => response.writeHead(200, { "content-type": "application/json" }).end(`{"status": ${sung(request)}`),
  "a malformed page": (request, response) =>
    response
      .writeHead(200, { "content-type": "text/plain" })
      .end(`requests_total{variant="off"} ${authorizationOf(request)}\nerrors_total{variant="off" ${sung(request)}`),
  "a label that holds it, twice": (request, response) => {
    const line = `requests_total{variant="off",by=${JSON.stringify(authorizationOf(request))}} NaN\n`;
    response.writeHead(200, { "content-type": "text/plain" }).end(line + line);
  },
  "a connection that is cut off": faults["reset"]!,
};

type How = Record<string, unknown>;
const credentials: Record<string, How> = {
  "a bearer from the environment": { bearer: "${env:CANARY}" },
  "a password from a file": { username: USER, password: "${file:canary.txt}" },
  "a header from the environment": { headers: { "X-Token": "${env:CANARY}" } },
};

const env = { CANARY, ROLLOUT_DEBUG: "1" };

async function sceneWith(url: string, type: string, how: How): Promise<Scene> {
  const sources = { shop: { type, url: type === "openmetrics" ? `${url}/metrics` : url, ...how } };
  const scene = await makeScene(
    planTree(url, { sources, policy: { poll: "50ms", onBlind: "advance", onNoData: { hold: "0s", then: "pause" } } }),
  );
  await scene.write("canary.txt", `${CANARY}\n`);
  return scene;
}

describe.each(Object.entries(answers))(
  "nothing repeats the secret before the start, whatever it was, when the source gives %s",
  (_, listener) => {
    test.each(Object.entries(credentials))("%s", async (_, how) => {
      const shop = await startShopPage();
      shop.answerWith(listener);
      for (const type of ["openmetrics", "prometheus"]) {
        const scene = await sceneWith(shop.url, type, how);
        const place = { cwd: scene.folder, env };
        const runs = [
          await callRollout(["advance", "plan.yaml"], place),
          await callRollout(["advance", "plan.yaml", "--json"], place),
          await callRollout(["metrics", "plan.yaml", "--json"], place),
          await callRollout(["advance", "plan.yaml", "--dry-run"], place),
        ];
        for (const { status } of runs) expect([4, 5, 0]).toContain(status);
        await expectSilence(scene, ...runs);
      }
      // It did get there: the test is not silent for want of a secret.
      const heard = shop.requests.map(({ headers }) => `${headers.authorization} ${String(headers["x-token"])}`).join(" ");
      expect([CANARY, base64(`${USER}:${CANARY}`)].some((form) => heard.includes(form))).toBe(true);
    });
  },
);

describe("nothing repeats the secret under way, in the ledger least of all, when the source gives", () => {
  test.concurrent.each(Object.entries(answers))("%s", { timeout: 80_000 }, async (_, listener) => {
    const shop = await startShopPage();
    const scene = await sceneWith(shop.url, "openmetrics", credentials["a bearer from the environment"]!);
    const place = { cwd: scene.folder, env };
    expect(await callRollout(["advance", "plan.yaml"], place)).toMatchObject({ status: 0 });
    shop.answerWith(listener);
    const runs = [await rollout(["advance", "plan.yaml"], place)];
    expect(runs[0]?.status).toBe(4);
    for (const args of [
      ["advance", "plan.yaml", "--json"],
      ["status", "checkout", "--json"],
      ["log", "checkout"],
      ["log", "checkout", "--json"],
    ]) {
      const ran = await callRollout(args, place);
      expect(ran.status).toBe(0);
      runs.push(ran);
    }
    await expectSilence(scene, ...runs);
    expect(await scene.read("plan.yaml")).toContain("${env:CANARY}");
    expect(JSON.stringify((await scene.entries())[0])).toContain("CANARY");
  });
});

test("a page that counts under labels that hold the secret has it remembered by the ledger without", async () => {
  const shop = await startShopPage();
  let total = 0;
  shop.answerWith((request, response) => {
    total += 1000;
    const series = (variant: string) => `{variant="${variant}",seen=${JSON.stringify(authorizationOf(request))}}`;
    const lines = [`requests_total${series("on")} ${total - 1}`, `requests_total${series("off")} ${total}`];
    response.end(`${lines.join("\n")}\nerrors_total${series("on")} 4\nerrors_total${series("off")} 5\n`);
  });
  const scene = await sceneWith(shop.url, "openmetrics", credentials["a bearer from the environment"]!);
  const place = { cwd: scene.folder, env };
  const runs = [await callRollout(["advance", "plan.yaml"], place), await callRollout(["advance", "plan.yaml", "--json"], place)];
  expect(runs.map(({ status }) => status)).toEqual([0, 0]);
  await expectSilence(scene, ...runs);
  // And yet it is known again: what was counted is what it rose by, not all of it.
  const looks = (await scene.entries()).filter(({ kind }) => kind === "look");
  expect(JSON.stringify(looks.at(-1)?.data["metrics"])).toContain('"treatment":{"events":0,"total":1000}');
});

describe("nothing repeats the secret when there is no answer", () => {
  test.each(Object.entries(credentials))("and it was %s", async (_, how) => {
    const scene = await sceneWith(`http://127.0.0.1:${await freePort()}`, "prometheus", how);
    const ran = await rollout(["advance", "plan.yaml", "--json"], { cwd: scene.folder, env });
    expect(ran.status).toBe(5);
    await expectSilence(scene, ran);
  });

  test("because the source hangs, and it stands in no process' arguments meanwhile", async () => {
    const shop = await startShopPage();
    shop.answerWith(faults["hang"]);
    const scene = await sceneWith(shop.url, "openmetrics", credentials["a password from a file"]!);
    const running = startRollout(["advance", "plan.yaml"], { cwd: scene.folder, env });
    await expect.poll(() => shop.requests.length, { timeout: 25_000 }).toBe(1);
    const [own, ...others] = await familyOf(running.child.pid!);
    expect(own).toContain("advance plan.yaml");
    expect(others).toEqual([]);
    for (const giveaway of GIVEAWAYS) expect(own).not.toContain(giveaway);
    running.child.kill("SIGINT");
    const ran = await running.done;
    // Not 5: the source did not fail, it was not waited for.
    expect(ran.status).toBe(130);
    await expectSilence(scene, ran);
  });
});

/** The arguments of a process and of all that it started, as `ps` shows them. */
async function familyOf(pid: number): Promise<string[]> {
  const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const parents = await Promise.all(
    processes.map(async (each) => {
      const status = await readFile(`/proc/${each}/status`, "utf8").catch(() => "");
      return { pid: Number(each), parent: Number(/^PPid:\s*(\d+)/m.exec(status)?.[1]) };
    }),
  );
  const family = [pid];
  for (const member of family) family.push(...parents.filter(({ parent }) => parent === member).map((each) => each.pid));
  return Promise.all(
    family.map(async (member) => (await readFile(`/proc/${member}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ")),
  );
}

describe("a secret that stands in the plan itself", () => {
  const plans: [string, (plan: Record<string, unknown>) => string][] = [
    ["as a bearer", (plan) => written(plan, { bearer: CANARY })],
    ["as a password", (plan) => written(plan, { username: USER, password: CANARY })],
    ["in a header", (plan) => written(plan, { headers: { Authorization: `Bearer ${CANARY}` } })],
    ["beside a reference", (plan) => written(plan, { bearer: `\${env:TOKEN}${CANARY}` })],
    ["in a source whose type is misspelt", (plan) => written(plan, { type: "promethius", bearer: CANARY })],
    ["in a source with another mistake", (plan) => written(plan, { bearer: CANARY, settel: "1s" })],
  ];

  function written(plan: Record<string, unknown>, more: How): string {
    const { shop } = plan["sources"] as { shop: How };
    return JSON.stringify({ ...plan, sources: { shop: { ...shop, ...more } } }, undefined, 2);
  }

  test.each(plans)("%s is refused, and not shown", async (_, write) => {
    const scene = await makeScene("");
    await scene.write("plan.yaml", write(planTree("http://127.0.0.1:9")));
    const runs: Ran[] = [];
    for (const args of [["validate"], ["validate", "--json"], ["explain"], ["advance"], ["advance", "--json"]]) {
      const ran = await scene.call(args[0]!, "plan.yaml", ...args.slice(1));
      expect(ran.status).toBe(2);
      expect(ran.stdout + ran.stderr).toMatch(/plan\.yaml/);
      runs.push(ran);
    }
    for (const { stdout, stderr } of runs) for (const giveaway of GIVEAWAYS) expect(stdout + stderr).not.toContain(giveaway);
  });

  test("in a value over several lines is not shown by the frame of the line either", async () => {
    const scene = await makeScene("");
    const plan = `version: 1\nrollout: checkout\nsources:\n  shop:\n    type: openmetrics\n    url: "http://127.0.0.1:9"\n    bearer: |\n      first-half-of-canary\n      second-half-of-canary\n`;
    await scene.write("plan.yaml", plan);
    const { status, stdout } = await scene.call("validate", "plan.yaml");
    expect(status).toBe(2);
    expect(stdout).toContain("bearer");
    expect(stdout).not.toContain("half-of-canary");
  });
});

test("the environment's value is hidden also where the plan's text holds it by chance", async () => {
  const shop = await startShopPage();
  const scene = await makeScene(
    planTree(shop.url, { owner: CANARY, sources: { shop: { type: "openmetrics", url: `${shop.url}/metrics`, bearer: "${env:CANARY}" } } }),
  );
  const ran = await callRollout(["advance", "plan.yaml", "--json"], { cwd: scene.folder, env });
  expect(ran.status).toBe(0);
  for (const giveaway of GIVEAWAYS) expect(ran.stdout + ran.stderr).not.toContain(giveaway);
});
