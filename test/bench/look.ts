// How long a look takes (measure, judge, decide) on a real Prometheus, beside the very same requests sent by themselves.
import { Agent, request } from "undici";
import type { ConnectedSource } from "../../src/engine/context.ts";
import type { Http, HttpRequest } from "../../src/io/port.ts";
import { prometheus } from "../../src/metrics/prometheus.ts";
import { startCounterProcess, type CounterProcess } from "../support/counterProcess.ts";
import { freePort } from "../support/ports.ts";
import { requireProgram } from "../support/programs.ts";
import { startPrometheus } from "../support/prometheus.ts";
import { realTools, settableClock } from "../support/tools.ts";
import { alternate, print, timeOf } from "./support/rounds.ts";
import { counterOf, planOf, record, startMidRollout } from "./support/rollout.ts";

const SIZES = [1, 10, 50];
const ROUNDS = 31;
const WARM_UP = 5;
/** As many as a look has under way. */
const AT_ONCE = 20;
/** Seconds of traffic: before the first look, up to the look that is recorded, up to the looks that are timed. */
const TRAFFIC = [3, 5, 10] as const;
const SETTLE = 2;

if (requireProgram("prometheus")) await bench();

async function bench(): Promise<void> {
  const service = await startCounterProcess(await freePort());
  const server = await startPrometheus({ targets: [service.target] });
  try {
    const from = await traffic(service, TRAFFIC[0]);
    const middle = await traffic(service, TRAFFIC[1]);
    const to = await traffic(service, TRAFFIC[2]);
    await sleep(SETTLE * 1000);
    console.log(`medians of ${ROUNDS} rounds, alternating; ${AT_ONCE} requests at once`);
    for (const guardrails of SIZES) await benchLook(guardrails, server.url, { from, middle, to });
  } finally {
    await server.stop();
    await service.kill();
  }
}

/** All looks that are timed ask for the same interval, so that they get the same numbers, round by round. */
async function benchLook(guardrails: number, url: string, { from, middle, to }: Record<"from" | "middle" | "to", number>): Promise<void> {
  const clock = settableClock(middle + SETTLE * 1000);
  const plan = await planOf({ rates: guardrails }, url, `${SETTLE}s`);
  const rollout = await startMidRollout(plan, clock, from);
  const { http } = realTools({ clock });
  const sources = sourcesOf(url, clock, http);
  try {
    await record(rollout, await rollout.look(sources));
    clock.set(to + SETTLE * 1000);
    const asked: HttpRequest[] = [];
    const { data } = await rollout.look(sourcesOf(url, clock, { send: (each) => (asked.push(each), http.send(each)) }));
    const blind = data.verdicts.filter(({ verdict }) => !["clear", "inconclusive"].includes(verdict));
    if (blind.length > 0) throw new Error(`a look of the bench is not what it should be: ${blind[0]!.sentence}`);

    const agent = new Agent();
    const sides = {
      ours: () => timeOf(() => rollout.look(sources)),
      "the same requests, bare": () => timeOf(() => sendAll(asked, agent)),
    };
    await alternate(WARM_UP, sides);
    print(`look, ${guardrails} guardrail${guardrails > 1 ? "s" : ""}, ${asked.length} requests`, await alternate(ROUNDS, sides));
    await agent.close();
  } finally {
    await rollout.remove();
  }
}

function sourcesOf(url: string, clock: ReturnType<typeof settableClock>, http: Http): Record<string, ConnectedSource> {
  const source = prometheus.connect({ url }, realTools({ clock, http }));
  return { prod: { source, history: true, settle: SETTLE * 1000, parseQuery: (query, kind) => prometheus.query[kind]!.parse(query) } };
}

/** Sends what a look sent, as many at once, and reads every answer to its end; does nothing with it. */
async function sendAll(requests: readonly HttpRequest[], dispatcher: Agent): Promise<void> {
  const waiting = requests.values();
  const worker = async () => {
    for (const { url, method, headers, body } of waiting) {
      const response = await request(url, {
        method,
        headers: { ...headers, "accept-encoding": "gzip" },
        body: body ?? null,
        dispatcher,
      });
      await response.body.arrayBuffer();
      if (response.statusCode !== 200) throw new Error(`${url} answered with status ${response.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Requests in both groups every second, one in a hundred failing; returns when it ended. */
async function traffic(service: CounterProcess, seconds: number): Promise<number> {
  const codes: [code: string, requests: number][] = [["200", 970], ["404", 20], ["503", 10]]; // prettier-ignore
  for (let second = 0; second < seconds; second++) {
    const next = sleep(1000);
    for (let index = 0; index < Math.max(...SIZES); index++) {
      await Promise.all(
        ["on", "off"].flatMap((variant) =>
          codes.map(([code, requests]) => service.add(`${counterOf(index)}{variant="${variant}",code="${code}"}`, requests)),
        ),
      );
    }
    await next;
  }
  return Date.now();
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
