import type { RequestListener } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { NotDone, type RolloutError } from "../../src/errors.ts";
import { flagBackends } from "../../src/flags/index.ts";
import { http } from "../../src/flags/http.ts";
import { Conflict } from "../../src/flags/port.ts";
import { EVERYBODY, OFF, type Exposure } from "../../src/model/exposure.ts";
import type { FlagTarget } from "../../src/model/flag.ts";
import { conformanceTarget, expectKnown, flagBackendConformance, note } from "../conformance/flags.ts";
import { failure } from "../support/failure.ts";
import { faults, startServer, type TestServer } from "../support/faultyServer.ts";
import { freePort } from "../support/ports.ts";
import { bucketed, connectHttp, startFlagService, startPlainService, versioned, type Connected, type FlagService } from "./flagService.ts";

const CANARY = 'ca"nary+/&%7 sings';
const plain: FlagTarget = conformanceTarget({ audience: { exclude: [], testers: [], holdout: 0, segments: {} } });
const percent = (share: number): Exposure => ({ testers: false, everyone: share * 1000, segments: {} });

const services: TestServer[] = [];
const closing = <Service extends TestServer>(service: Service): Service => {
  services.push(service);
  return service;
};
afterEach(async () => {
  for (const service of services.splice(0)) await service.close();
});

const byEtag = (url: string) => ({
  read: { url: `${url}/flags/{{key}}`, percentage: "$.rollout.percentage", revision: { header: "ETag" } },
  write: { method: "PATCH", headers: { "If-Match": "{{revision}}" }, body: '{"rollout":{"percentage":{{percentage}}}}', conflict: [412] },
});

for (const [name, options] of Object.entries({ "a version in the body": versioned, "an ETag and If-Match": byEtag })) {
  flagBackendConformance(`http, by ${name}`, async () => {
    const service = await startFlagService({ "new-checkout": 0, other: 30 });
    const percentage = () => service.flags.get(plain.key)!.rollout.percentage as number;
    const { backend, traits } = connectHttp(options(service.url));
    return {
      traits,
      backend,
      target: plain,
      namesGroups: false,
      evaluator: async () => bucketed(plain.key, percentage()),
      others: async () => {
        const { version: _, rollout, ...own } = service.flags.get(plain.key)!;
        return JSON.stringify([service.flags.get("other"), own, rollout.salt]);
      },
      changeByHand: async () => {
        const flag = service.flags.get(plain.key)!;
        flag.rollout.percentage = "most of them";
        flag.version += 1;
      },
      close: () => service.close(),
    };
  });
}

flagBackendConformance("http, of a service without revisions", async () => {
  const service = await startPlainService();
  const { backend, traits } = connectHttp({
    read: { url: `${service.url}/keys/{{key}}`, percentage: "$", absent: 404 },
    write: { body: "{{percentage}}" },
    everybody: 1,
    granularity: "0.1%",
  });
  return {
    traits,
    backend,
    target: plain,
    revisionOfContent: true,
    namesGroups: false,
    evaluator: async () => bucketed(plain.key, Number(service.percentages.get(plain.key) ?? 0) * 100),
    others: async () => [...service.percentages.keys()].filter((key) => key !== plain.key),
    changeByHand: async () => void service.percentages.set(plain.key, 7),
    close: () => service.close(),
  };
});

describe("a flag service", () => {
  let service: FlagService;
  let connected: Connected;
  beforeEach(async () => {
    service = closing(await startFlagService());
    connected = connectHttp(versioned(service.url));
  });
  const read = () => connected.backend.read(plain);
  const write = (exposure: Exposure, revision: string, within?: number) => connected.backend.write(plain, exposure, revision, note, within);
  const writes = () => service.requests.filter(({ method }) => method !== "GET");

  test("has the concurrency and the granularity that its options say", () => {
    const options = versioned(service.url);
    const { conflict: _, ...unchecked } = options["write"] as { conflict: number };
    const traitsWith = (changes: Record<string, unknown>) => connectHttp({ ...options, ...changes }).traits;
    expect(traitsWith({})).toMatchObject({ concurrency: "checked", granularity: 1 });
    expect(traitsWith({ granularity: "0.1%", write: unchecked })).toMatchObject({ concurrency: "bestEffort", granularity: 0.1 });
  });

  test("is one of the house's backends", () => {
    expect(flagBackends.http).toBe(http);
  });

  test("is written exactly once, also where its answer is lost, and then read to see what became of it", async () => {
    const { revision } = await read();
    service.afterNextWrite = (request) => request.socket.destroy();
    const error = await failure(write(percent(5), revision));
    expect(error).not.toBeInstanceOf(NotDone);
    expect(error.message).toContain("was cut off by the other side");
    expect(writes()).toHaveLength(1);
    const after = await read();
    expectKnown(after, percent(5));
    expect(after.revision).not.toBe(revision);
  });

  test.each([409, 412])("whose answer is %d where that is a conflict was changed by somebody else", async (status) => {
    const options = versioned(service.url);
    connected = connectHttp({ ...options, write: { ...(options["write"] as object), conflict: [409, 412] } });
    const { revision } = await read();
    service.instead = (_, response) => response.writeHead(status).end();
    await expect(write(percent(5), revision)).rejects.toBeInstanceOf(Conflict);
  });

  test("whose answer is 412 where that is not said to be one has failed, and it is said what to do", async () => {
    const { revision } = await read();
    service.instead = (_, response) => response.writeHead(412).end();
    expect((await failure(write(percent(5), revision))).hint).toContain("`conflict`");
  });

  test("that turns a write away before it is done may be asked again, after as long as it says", async () => {
    const { revision } = await read();
    service.instead = (_, response) => response.writeHead(429, { "retry-after": "3" }).end("slow down");
    const error = await failure(write(percent(5), revision));
    expect(error).toBeInstanceOf(NotDone);
    expect(error).toMatchObject({ code: "unreachable", retryAfter: 3000 });
    expect(error.message).toContain("status 429, and asks to be left alone for 3 s: slow down");
    service.instead = (_, response) => response.writeHead(503, { "retry-after": "1" }).end();
    expect(await failure(write(percent(5), revision))).toBeInstanceOf(NotDone);
    // A gateway's own, of which nobody knows whether the service behind it was reached.
    service.instead = (_, response) => response.writeHead(503).end();
    expect(await failure(write(percent(5), revision))).not.toBeInstanceOf(NotDone);
    expect(writes()).toHaveLength(3);
  });

  test("that is not there was certainly not written", async () => {
    const { revision } = await read();
    connected = connectHttp(versioned(`http://127.0.0.1:${await freePort()}`));
    expect(await failure(write(percent(5), revision))).toBeInstanceOf(NotDone);
  });

  test("that hangs is left when the time to write is over", async () => {
    const { revision } = await read();
    service.instead = faults["hang"];
    const error = await failure(write(percent(5), revision, 400));
    expect(error.message).toMatch(/did not answer within 0\.\d+ s/);
    expect(error).not.toBeInstanceOf(NotDone);
  });

  test("without revisions is read right before it is written, and not written when that takes too long", async () => {
    const { revision: _, ...reading } = versioned(service.url)["read"] as { revision: string };
    connected = connectHttp({ read: reading, write: { method: "PATCH", body: { rollout: { percentage: "{{percentage}}" } } } });
    const { revision } = await read();
    service.instead = faults["hang"];
    await failure(write(percent(5), revision, 300));
    expect(writes()).toEqual([]);
  });

  const bodies: [string, RequestListener, RegExp][] = [
    ["a status of 500 with a page", faults["a status of 500 with HTML"]!, /answered with status 500: a page of HTML$/],
    ["a login page", faults["an HTML page"]!, /something else than JSON: a page of HTML$/],
    ["nothing", (_, response) => response.end(), /something else than JSON: nothing$/],
    ["garbage", faults["garbage"]!, /something else than JSON/],
    ["a huge answer", faults["a huge answer"]!, /more than 1048576 bytes/],
    ["a gzip bomb", faults["a gzip bomb"]!, /more than 1048576 bytes/],
    ["a 404", (_, response) => response.writeHead(404).end('{"error":"nope"}'), /answered with status 404: \{"error":"nope"\}$/],
    ["a redirect to another host", faults["a redirect to another host"]!, /redirected to another host/],
    ["no revision", (_, response) => response.end('{"rollout":{"percentage":5}}'), /\$\.version has nothing \(is the path right\?\)$/],
    [
      "a revision that was rounded",
      (_, response) => response.end('{"rollout":{"percentage":5},"version":12345678901234567890}'),
      /at most 15 digits/,
    ],
    [
      "a revision that is a list",
      (_, response) => response.end('{"rollout":{"percentage":5},"version":[1]}'),
      /\$\.version has a list, which cannot be a revision/,
    ],
  ];
  test.each(bodies)("that answers with %s is unreachable, with what it said", async (_, listener, message) => {
    service.instead = listener;
    const error = await failure(read());
    expect(error).toMatchObject({ code: "unreachable", hint: expect.any(String) });
    expect(error.message).toMatch(message);
    expect(error.message).toContain(`GET ${service.url}/flags/new-checkout`);
  });

  const foreign: [string, unknown, string][] = [
    ["nothing at the path", { version: 1 }, "its answer has nothing at $.rollout.percentage (is the path right?)"],
    ["a text", { version: 1, rollout: { percentage: "half" } }, 'its answer has "half" at $.rollout.percentage, which is no number'],
    ["null", { version: 1, rollout: { percentage: null } }, "its answer has null at $.rollout.percentage, which is no number"],
    ["a list", { version: 1, rollout: { percentage: [5] } }, "its answer has a list at $.rollout.percentage, which is no number"],
    [
      "more than everybody",
      { version: 1, rollout: { percentage: 101 } },
      "its answer has 101 at $.rollout.percentage, which is not between 0 and 100",
    ],
    [
      "less than nobody",
      { version: 1, rollout: { percentage: -1 } },
      "its answer has -1 at $.rollout.percentage, which is not between 0 and 100",
    ],
    [
      "a third",
      { version: 1, rollout: { percentage: 100 / 3 } },
      "its answer has 33.333333333333336 at $.rollout.percentage, which is finer than 0.001% of 100",
    ],
  ];
  test.each(foreign)("that has %s where the percentage is to be is foreign, and off can be written over it", async (_, answer, found) => {
    service.instead = (__, response) => response.end(JSON.stringify(answer));
    const reading = await read();
    expect(reading).toEqual({ kind: "foreign", found, revision: "1" });
    service.instead = undefined;
    await write(OFF, reading.revision);
    expectKnown(await read(), OFF);
  });

  test("may have its number as text", async () => {
    service.flags.get(plain.key)!.rollout.percentage = "25";
    expectKnown(await read(), percent(25));
  });

  test("that several paths lead to is foreign: nobody knows which is meant", async () => {
    const options = versioned(service.url);
    connected = connectHttp({ ...options, read: { ...(options["read"] as object), percentage: "$..percentage" } });
    service.instead = (_, response) => response.end('{"version":1,"a":{"percentage":1},"b":{"percentage":2}}');
    expect(await read()).toMatchObject({ kind: "foreign", found: "its answer has 2 values at $..percentage, where one is expected" });
  });

  test("of several environments is read by a path that chooses one", async () => {
    const options = versioned(service.url);
    const percentage = "$.environments[?@.name=='production'].rollout";
    connected = connectHttp({ ...options, read: { ...(options["read"] as object), percentage } });
    service.instead = (_, response) =>
      response.end('{"version":1,"environments":[{"name":"staging","rollout":100},{"name":"production","rollout":5}]}');
    expectKnown(await read(), percent(5));
  });

  test("that says that the flag is not enabled is off, whatever its percentage", async () => {
    const options = versioned(service.url);
    connected = connectHttp({ ...options, read: { ...(options["read"] as object), enabled: "$.enabled" } });
    const answer = (enabled: unknown) =>
      (service.instead = (_, response) => response.end(JSON.stringify({ version: 1, enabled, rollout: { percentage: 25 } })));
    answer(false);
    expectKnown(await read(), OFF);
    answer(true);
    expectKnown(await read(), percent(25));
    answer("yes");
    expect(await read()).toMatchObject({ kind: "foreign", found: 'its answer has "yes" at $.enabled, which is neither true nor false' });
  });

  test("is refused an exposure that is more than a percentage", async () => {
    const { revision } = await read();
    expect(await failure(write({ testers: true, everyone: 0, segments: {} }, revision))).toMatchObject({ code: "refused" });
    expect(await failure(write({ testers: false, everyone: 0, segments: { staff: EVERYBODY } }, revision))).toMatchObject({
      code: "refused",
    });
    expect(writes()).toEqual([]);
  });

  test("is told who changes it and why where the plan has a place for it", async () => {
    const options = versioned(service.url);
    const comment = { by: "rollout {{rollout}}", why: "{{ reason }}", stage: "{{stage}}", head: "{{head}}" };
    const write = options["write"] as { body: object };
    connected = connectHttp({ ...options, write: { ...write, body: { ...write.body, comment } } });
    const reason = 'a "quoted" {{percentage}}\n';
    await connected.backend.write(plain, percent(5), (await read()).revision, { ...note, reason });
    expect(JSON.parse(writes()[0]!.body)).toEqual({
      rollout: { percentage: 5 },
      version: 1,
      comment: { by: "rollout checkout", why: reason, stage: "5%", head: note.head },
    });
  });
});

describe("what is filled in is never read as anything but what it is", () => {
  const key = 'a/b?c#"d" {{percentage}} %2e\\ ü';

  test.each<[string, Record<string, unknown>, (body: string) => unknown]>([
    [
      "in a tree",
      { body: { flag: "{{key}}", to: "{{percentage}}", text: "{{percentage}} of {{key}}", "{{key}}": true, list: ["{{revision}}"] } },
      JSON.parse,
    ],
    [
      "in JSON as text",
      { body: '{"flag":"{{key}}","to":{{percentage}},"text":"{{percentage}} of {{key}}","{{key}}":true,"list":["{{revision}}"]}' },
      JSON.parse,
    ],
  ])("%s", async (_, write, parse) => {
    const revision = 'r"1\\ {{key}}';
    const service = closing(await startServer((__, response) => response.end(JSON.stringify({ percentage: 0, revision }))));
    const { backend } = connectHttp({
      read: { url: `${service.url}/flags/{{key}}?also={{key}}`, percentage: "$.percentage", revision: "$.revision" },
      write: { ...write, url: `${service.url}/{{revision}}/{{key}}`, conflict: 409 },
    });
    await backend.write({ ...plain, key }, percent(5), (await backend.read({ ...plain, key })).revision, note);
    const [got, put] = service.requests;
    expect(got!.path).toBe(`/flags/${encodeURIComponent(key)}?also=${encodeURIComponent(key)}`);
    expect(put!.path).toBe(`/${encodeURIComponent(revision)}/${encodeURIComponent(key)}`);
    expect(parse(put!.body)).toEqual({ flag: key, to: 5, text: `5 of ${key}`, [key]: true, list: [revision] });
  });

  test("a key that would be a step in the path is refused, and nothing is sent", async () => {
    const service = closing(await startFlagService());
    const { backend } = connectHttp(versioned(service.url));
    for (const each of [".", ".."]) expect(await failure(backend.read({ ...plain, key: each }))).toMatchObject({ code: "refused" });
    expect(service.requests).toEqual([]);
  });

  test("a revision that would be two headers is refused, and nothing is sent", async () => {
    const service = closing(
      await startServer((_, response) => response.end(JSON.stringify({ percentage: 0, revision: "1\r\nX-Other: 1" }))),
    );
    const { backend } = connectHttp({
      read: { url: service.url, percentage: "$.percentage", revision: "$.revision" },
      write: { headers: { "If-Match": "{{revision}}" }, body: "{{percentage}}", conflict: 412 },
    });
    const { revision } = await backend.read(plain);
    expect(await failure(backend.write(plain, percent(5), revision, note))).toMatchObject({ code: "refused" });
    expect(service.requests).toHaveLength(1);
  });
});

describe("a secret of a flag service", () => {
  const giveaways = [CANARY, Buffer.from(CANARY).toString("base64"), encodeURIComponent(CANARY), JSON.stringify(CANARY).slice(1, -1)];
  const sung = ({ headers }: { headers: Record<string, unknown> }) =>
    [headers["authorization"], headers["x-token"], ...giveaways].join(" ");
  const answers: Record<string, RequestListener> = {
    "a 401 that repeats it": faults["an echo of the headers"]!,
    "a 500 in every form": (request, response) => response.writeHead(500).end(sung(request)),
    "a 429": (request, response) => response.writeHead(429, { "retry-after": "900" }).end(sung(request)),
    "a conflict": (request, response) => response.writeHead(409).end(sung(request)),
    "something else than JSON": (request, response) => response.end(sung(request)),
    "a percentage": (request, response) => response.end(JSON.stringify({ version: 1, rollout: { percentage: sung(request) } })),
    "a revision": (request, response) => response.end(JSON.stringify({ version: [sung(request)], rollout: { percentage: 5 } })),
    "a redirect": (request, response) =>
      response.writeHead(302, { location: `http://elsewhere.example/${encodeURIComponent(sung(request))}` }).end(),
    "a connection that is cut off": faults["reset"]!,
  };
  const ways: Record<string, Record<string, unknown>> = {
    "a bearer": { bearer: "${env:CANARY}" },
    "a header": { headers: { "X-Token": "${env:CANARY}" } },
    "a password": { username: "reader", password: "${env:CANARY}" },
  };

  test.each(Object.entries(answers))("is said nowhere when the service sings it back in %s", async (_, listener) => {
    const service = closing(await startServer(listener));
    const tries = Object.values(ways).map(async (way) => {
      const { backend } = connectHttp({ ...versioned(service.url), ...way }, { CANARY });
      const outcomes = await Promise.all(
        [backend.read(plain), backend.write(plain, percent(5), "1", note, 2_000)].map((each) => each.catch((caught: unknown) => caught)),
      );
      const told = outcomes.map((each) =>
        each instanceof Error ? `${each.message} ${String((each as RolloutError).hint)} ${each.stack}` : JSON.stringify(each),
      );
      told.push(backend.byHand(plain));
      for (const giveaway of giveaways) expect(told.join("\n")).not.toContain(giveaway);
    });
    await Promise.all(tries);
    expect(service.requests.map(sung).join(" ")).toContain(CANARY);
  });
});

describe("how a person switches off by hand", () => {
  test("is a command that sends what a rollback would, with secrets as the shell's references", async () => {
    const service = closing(await startFlagService({ "it's": 50 }));
    const { backend } = connectHttp({ ...versioned(service.url), bearer: "${env:FLAGS_TOKEN}" }, { FLAGS_TOKEN: CANARY });
    expect(backend.byHand({ ...plain, key: "it's" })).toBe(
      `curl -X PATCH -H "Authorization: Bearer $FLAGS_TOKEN" -H 'Content-Type: application/json' --data '{"rollout":{"percentage":0},"version":"REVISION"}' ` +
        `'${service.url}/flags/it'\\''s' with $.version of GET ${service.url}/flags/it's for REVISION`,
    );
  });

  test("is what the plan says, where it says so", () => {
    const { backend } = connectHttp({ ...versioned("http://127.0.0.1:9"), byHand: "https://flags.internal/ui" });
    expect(backend.byHand(plain)).toBe("https://flags.internal/ui");
  });
});
