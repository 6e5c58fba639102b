import type { RequestListener } from "node:http";
import { afterAll, describe, expect, test } from "vitest";
import { faults, startServer } from "../support/faultyServer.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

const PATH = "/ping/b7c1-secret?create=1";

const servers: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(servers.map((server) => server.close())));

const fine: RequestListener = (_, response) => response.end("OK");

/** A rollout whose plan has a heartbeat, and the monitor that it calls. */
async function scenery(listener: RequestListener = fine, changes: Record<string, unknown> = {}) {
  const shop = await startShopPage();
  const monitor = await startServer(listener);
  servers.push(monitor);
  const url = `${monitor.url}${PATH}`;
  const scene = await makeScene(planTree(shop.url, { heartbeat: "${env:HEARTBEAT_URL}", ...changes }));
  const call = (...args: string[]) => scene.callWith({ HEARTBEAT_URL: url }, ...args);
  return { shop, monitor, url, scene, call };
}

describe("the heartbeat", () => {
  test("is called with GET after each look that was recorded, and after nothing else", async () => {
    const { scene, monitor, call } = await scenery();
    for (const args of [
      ["validate", "plan.yaml"],
      ["explain", "plan.yaml"],
      ["advance", "plan.yaml", "--dry-run"],
    ])
      expect(await call(...args)).toMatchObject({ status: 0 });
    expect(monitor.requests).toEqual([]);
    expect(await call("run", "plan.yaml")).toMatchObject({ status: 0 });
    const looks = (await scene.entries()).filter(({ kind }) => kind === "look");
    expect(monitor.requests.map(({ method, path }) => `${method} ${path}`)).toEqual(looks.map(() => `GET ${PATH}`));
    for (const args of [["advance", "plan.yaml"], ["status"], ["log", "checkout"]]) await call(...args);
    expect(monitor.requests).toHaveLength(looks.length); // The run is over: nobody looks any more.
  });

  test("may stand in the plan as it is", async () => {
    const monitor = await startServer(fine);
    servers.push(monitor);
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { heartbeat: `${monitor.url}/ping` }));
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0, stderr: "" });
    expect(monitor.requests).toMatchObject([{ method: "GET", path: "/ping" }]);
  });

  const silent = new Set(["hang", "drip", "headers, then silence"]);
  test.each(Object.keys(faults).filter((fault) => !silent.has(fault)))(
    "where the monitor fails (%s), the rollout goes on, and a warning says so without the address",
    async (fault) => {
      const { scene, call, url } = await scenery(faults[fault]);
      const { status, stderr, stdout } = await call("advance", "plan.yaml");
      expect(status).toBe(0);
      expect(stdout).toContain("advanced to 5%");
      for (const told of [stderr, stdout]) {
        expect(told).not.toContain("b7c1-secret");
        expect(told).not.toContain(url);
      }
      // A page of HTML is an answer like any other: what a monitor says is not read.
      const answered = !/HTML page|garbage|echo|gzip bomb/.test(fault);
      if (answered) expect(stderr).toContain("warning: the heartbeat did not get through: ");
      expect(await scene.usersWithFeature()).toBeGreaterThan(0);
    },
  );

  test("where nobody answers, it is given up within seconds", async () => {
    const { call } = await scenery(faults["hang"]);
    const { status, stderr } = await call("advance", "plan.yaml");
    expect(status).toBe(0);
    expect(stderr).toContain("the heartbeat did not get through: its address did not answer within 5 s");
  });

  test("a rollback does not wait for it", async () => {
    let isOff = async () => false;
    // It answers once the feature is off: had the rollback waited, the deadline would have come first.
    const { shop, scene, call, monitor } = await scenery(async (_, response) => {
      while (!(await isOff())) await new Promise((resolve) => void setTimeout(resolve, 20));
      response.end();
    });
    await scene.callWith({ HEARTBEAT_URL: "http://127.0.0.1:9/" }, "advance", "plan.yaml");
    isOff = async () => (await scene.usersWithFeature()) === 0;
    shop.errors.treatment = 900;
    expect(await call("advance", "plan.yaml")).toMatchObject({ status: 3, stderr: "" });
    expect(monitor.requests).toHaveLength(1);
  });

  test("in CI it is read only where ROLLOUT_ENV lists it; otherwise the rollout goes on with a warning", async () => {
    const { scene, url, monitor } = await scenery();
    const unlisted = await scene.callWith({ CI: "true", HEARTBEAT_URL: url }, "advance", "plan.yaml");
    expect(unlisted.status).toBe(0);
    expect(unlisted.stderr).toContain("${env:HEARTBEAT_URL} may not be read");
    expect(monitor.requests).toEqual([]);
    await scene.callWith({ CI: "true", HEARTBEAT_URL: url, ROLLOUT_ENV: "HEARTBEAT_URL" }, "advance", "plan.yaml");
    expect(monitor.requests).toHaveLength(1);
  });

  test("another one in the plan file is taken over and recorded, and keeps nobody from advancing", async () => {
    const { shop, scene, call, monitor } = await scenery();
    await call("advance", "plan.yaml");
    await scene.write("plan.yaml", planTree(shop.url, { heartbeat: `${monitor.url}/other` }));
    expect(await call("advance", "plan.yaml", "--wait", "20s")).toMatchObject({ status: 0 });
    expect((await scene.entries()).find(({ kind }) => kind === "planChanged")?.data).toMatchObject({ by: "words", changes: ["heartbeat"] });
    expect(monitor.requests.at(-1)?.path).toBe("/other");
    expect(await scene.read(".rollout/checkout/000000001.json")).toContain("${env:HEARTBEAT_URL}");
  });
});

describe("a heartbeat that is none", () => {
  test.each([
    ["no address", "hc-ping/b7c1-secret"],
    ["another protocol", "ftp://ping.example/b7c1-secret"],
    ["a password", "https://ann:b7c1-secret@ping.example/"],
    ["a reference in an address", "https://ping.example/${env:KEY}/b7c1-secret"],
  ])("is a mistake of the plan (%s), and is not printed", async (_, heartbeat) => {
    const { scene } = await scenery(fine, { heartbeat });
    const { status, stdout, stderr } = await scene.call("validate", "plan.yaml");
    expect(status).toBe(2);
    expect(stdout).toContain("error: heartbeat: ");
    expect(stdout).toContain("${env:HEARTBEAT_URL}");
    expect(`${stdout}${stderr}`).not.toContain("b7c1-secret");
    expect((await scene.call("validate", "plan.yaml", "--json")).stdout).not.toContain("b7c1-secret");
  });

  test("a list is none either", async () => {
    const { scene } = await scenery(fine, { heartbeat: ["https://ping.example/b7c1-secret"] });
    const { status, stdout } = await scene.call("validate", "plan.yaml");
    expect(status).toBe(2);
    expect(stdout).toContain("`heartbeat` takes text, or a reference to a secret");
    expect(stdout).not.toContain("b7c1-secret");
  });

  test("explain says that there is one, and not which", async () => {
    const { scene } = await scenery(fine, { heartbeat: "https://ping.example/b7c1-secret" });
    const { stdout } = await scene.call("explain", "plan.yaml");
    expect(stdout).toContain("after every look that was recorded it calls the heartbeat's address");
    expect(stdout).not.toContain("b7c1-secret");
  });
});
