import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import { faults, startServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { makeScene, planTree, startShopPage } from "../support/scene.ts";

/** Sources that fail: the rollout never goes on blindly, and says why. Each through a process of its own. */

const PATIENT = { timeout: 80_000 };

type Plan = ReturnType<typeof planTree>;

function page(text: string): RequestListener {
  return (_, response) => response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text);
}

const counts = (on: string, off: string) =>
  page(
    `requests_total{variant="on"} ${on}\nerrors_total{variant="on"} 1\nrequests_total{variant="off"} ${off}\nerrors_total{variant="off"} 2\n`,
  );

const onPrometheus = (url: string): Plan => planTree(url, { sources: { shop: { type: "prometheus", url } } });

/** `says` stands on stderr. */
interface Failure {
  what: string;
  listener: RequestListener;
  plan?: (url: string) => Plan;
  status: 4 | 5;
  says: (string | RegExp)[];
}

const failures: Failure[] = [
  { what: "a source that answers 500", listener: faults["a status of 500 with HTML"]!, status: 5, says: ["answered with status 500"] },
  { what: "a source that resets", listener: faults["reset"]!, status: 5, says: ["was cut off by the other side"] },
  { what: "a login page", listener: faults["an HTML page"]!, status: 5, says: ["cannot be used"] },
  {
    what: "a redirect to another host",
    listener: faults["a redirect to another host"]!,
    status: 5,
    says: ["was redirected to another host, elsewhere.example"],
  },
  {
    what: "a Prometheus that answers 503 with nothing",
    listener: faults["an empty answer"]!,
    plan: onPrometheus,
    status: 5,
    says: ["status 503 and nothing"],
  },
  {
    what: "a Prometheus that answers with a page",
    listener: faults["an HTML page"]!,
    plan: onPrometheus,
    status: 5,
    says: ["an HTML page"],
  },
  { what: "a page that counts NaN", listener: counts("10", "NaN"), status: 4, says: [/errors: .*(NaN|number)/] },
  { what: "a page without the metric", listener: page("other_total 1\n"), status: 4, says: [/errors: .*requests_total/] },
  {
    what: "a label that matches nothing",
    listener: counts("10", "20"),
    plan: (url) => {
      const plan = planTree(url);
      return {
        ...plan,
        metrics: { errors: { ...(plan["metrics"] as { errors: object }).errors, labels: { treatment: "on", control: "of" } } },
      };
    },
    status: 4,
    says: ['nothing matches the control\'s label; {{group}} stands for "of"'],
  },
  {
    what: "a {{group}} that changes nothing",
    listener: page("requests_total 5000\nerrors_total 25\n"),
    plan: (url) =>
      planTree(url, {
        metrics: {
          errors: {
            source: "shop",
            kind: "rate",
            events: { counter: 'errors_total{variant!="{{group}}"}' },
            total: { counter: 'requests_total{variant!="{{group}}"}' },
          },
        },
      }),
    status: 4,
    says: ["{{group}} changes nothing: both groups have 25 of 5000"],
  },
  {
    what: "a limit that the control breaks already",
    listener: page(
      'requests_total{variant="off"} 5000\nerrors_total{variant="off"} 500\nrequests_total{variant="on"} 1\nerrors_total{variant="on"} 0\n',
    ),
    status: 4,
    says: ["500 of 5,000", "limit 5%"],
  },
];

describe("a look ends although a source does not answer:", () => {
  test.concurrent.each([
    ["a page that hangs", "hang", planTree],
    ["a page that drips", "drip", planTree],
    ["a Prometheus that hangs", "hang", onPrometheus],
  ])("%s: 5, once the look's time is over", PATIENT, async (_, fault, plan) => {
    const server = await startServer(faults[fault]!);
    const scene = await makeScene(plan(server.url));
    const before = await scene.everything();
    const { status, stdout, stderr } = await scene.rollout("advance", "plan.yaml");
    expect(stderr).toMatch(/did not answer within (19\.\d+|20) s/);
    expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
    expect(await scene.everything()).toEqual(before);
    await server.close();
  });

  test.concurrent("a source that hangs once somebody has the feature holds, once the look's time is over", PATIENT, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url));
    await scene.call("advance", "plan.yaml");
    shop.answerWith(faults["hang"]!);
    const held = await scene.rollout("advance", "plan.yaml");
    expect(held).toMatchObject({ status: 0, stderr: "" });
    expect(held.stdout).toMatch(/holding: errors has no data for .* did not answer within 20 s/);
  });
});

describe("before anybody is exposed, nothing is recorded and nobody gets the feature with", () => {
  test.concurrent.each(failures)("$what: $status", PATIENT, async ({ listener, plan = planTree, status, says }) => {
    const server = await startServer(listener);
    const scene = await makeScene(plan(server.url));
    const before = await scene.everything();
    const ran = await scene.rollout("advance", "plan.yaml");
    expect(ran.stderr).toContain("the preflight found what would leave this rollout unguarded");
    expect(ran.stderr).toContain("Nobody was exposed, nothing was recorded.");
    for (const text of says) expect(ran.stderr).toMatch(text);
    expect(ran).toMatchObject({ status, stdout: "" });
    expect(await scene.everything()).toEqual(before);
    await server.close();
  });

  test.concurrent("a source where nothing listens: 5", PATIENT, async () => {
    for (const plan of [planTree, onPrometheus]) {
      const scene = await makeScene(plan(`http://127.0.0.1:${await freePort()}`));
      const before = await scene.everything();
      const { status, stdout, stderr } = await scene.rollout("advance", "plan.yaml");
      expect(stderr).toContain("was not accepted: nothing listens there");
      expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
      expect(await scene.everything()).toEqual(before);
    }
  });

  test.concurrent("a source whose host nobody knows: 5", PATIENT, async () => {
    const scene = await makeScene(planTree("http://metrics.invalid"));
    const before = await scene.everything();
    const { status, stdout, stderr } = await scene.rollout("advance", "plan.yaml");
    expect(stderr).toContain("http://metrics.invalid/metrics failed: the name of the host");
    expect({ status, stdout }).toEqual({ status: 5, stdout: "" });
    expect(await scene.everything()).toEqual(before);
  });
});

describe("once somebody has the feature", () => {
  const policy = { poll: "100ms", onBlind: "advance", onNoData: { hold: "2s", then: "pause" } };

  test.concurrent.each<[string, RequestListener, string]>([
    ["cut off", faults["reset"]!, "was cut off by the other side"],
    ["refused", faults["an echo of the headers"]!, "answered with status 401"],
    ["NaN", counts("NaN", "20"), "errors has no data"],
    ["without the metric", page("other_total 1\n"), "errors has no data"],
  ])("a source that is %s holds, then pauses, and never advances", PATIENT, async (_, listener, says) => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { policy }));
    expect(await scene.call("advance", "plan.yaml")).toMatchObject({ status: 0 });
    const flags = await scene.read("flags.json");
    shop.answerWith(listener);

    const first = await scene.rollout("advance", "plan.yaml", "--detailed-exitcode");
    expect(first).toMatchObject({ status: 20, stderr: "" });
    expect(first.stdout).toContain(says);
    expect(first.stdout).toMatch(/holding: .*pause at 2 s/);
    const paused = await scene.rollout("advance", "plan.yaml", "--wait", "1h");
    expect(paused.status).toBe(4);
    expect(paused.stdout).toMatch(/^paused: errors has no data for /m);
    expect(await scene.read("flags.json")).toBe(flags);
    expect((await scene.entries()).filter(({ kind }) => kind === "intent")).toHaveLength(1);

    // Guarding went on being tried, and a person lets it go on when the numbers are back.
    shop.answerWith(undefined);
    expect(await scene.call("advance", "plan.yaml", "--detailed-exitcode")).toMatchObject({ status: 24 });
    expect(await scene.call("resume", "checkout")).toMatchObject({ status: 0 });
    expect((await scene.call("advance", "plan.yaml")).stdout).toMatch(/^advanced to 50%/m);
  });

  test.concurrent("a breach is rolled back although the plan is paused for want of data", PATIENT, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url, { policy: { ...policy, onNoData: { hold: "0s", then: "pause" } } }));
    await scene.call("advance", "plan.yaml");
    shop.answerWith(faults["reset"]!);
    expect(await scene.rollout("advance", "plan.yaml")).toMatchObject({ status: 4 });
    shop.answerWith(undefined);
    shop.errors.treatment = 400;
    expect(await scene.rollout("advance", "plan.yaml")).toMatchObject({ status: 3 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test.concurrent("then: rollback turns the feature off instead", PATIENT, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(
      planTree(shop.url, { policy: { poll: "50ms", onBlind: "advance", onNoData: { hold: "0s", then: "rollback" } } }),
    );
    await scene.call("advance", "plan.yaml");
    expect(await scene.usersWithFeature()).toBeGreaterThan(0);
    shop.answerWith(faults["reset"]!);
    expect(await scene.rollout("advance", "plan.yaml")).toMatchObject({ status: 3 });
    expect(await scene.usersWithFeature()).toBe(0);
  });

  test.concurrent("a rollback by hand needs no source", PATIENT, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url));
    await scene.call("advance", "plan.yaml");
    const asked = shop.requests.length;
    shop.answerWith(faults["hang"]!);
    expect(await scene.rollout("rollback", "checkout")).toMatchObject({ status: 0 });
    expect(await scene.usersWithFeature()).toBe(0);
    expect(shop.requests).toHaveLength(asked);
  });

  test.concurrent("metrics shows what each query answers, and exits 5 when a source does not", PATIENT, async () => {
    const shop = await startShopPage();
    const scene = await makeScene(planTree(shop.url));
    const sound = await scene.rollout("metrics", "plan.yaml");
    expect(sound).toMatchObject({ status: 0, stderr: "" });
    expect(sound.stdout).toContain('treatment "on"  4 of 1,000');
    shop.answerWith(faults["reset"]!);
    const failed = await scene.rollout("metrics", "plan.yaml");
    expect(failed.status).toBe(5);
    expect(failed.stdout).toContain("error: GET");
  });
});
