import { describe, expect, test } from "vitest";
import { pauseAfter, retryAfterOf } from "../../src/io/retry.ts";
import { Trouble } from "../../src/io/trouble.ts";

const NOW = Date.parse("2026-03-01T12:00:00Z");
const answer = (status: number, retryAfter?: number) => ({
  response: { status, headers: {}, body: "", ...(retryAfter !== undefined && { retryAfter }) },
});
const trouble = (reach: "nowhere" | "unknown" | "refused") => ({ trouble: new Trouble("failed", { reach }) });

describe("a request that may be repeated is sent again", () => {
  test.each([429, 502, 503, 504])("after a status of %d", (status) => {
    expect(pauseAfter(answer(status), 1, 0.5)).toBeGreaterThan(0);
  });

  test.each([200, 204, 304, 400, 401, 403, 404, 409, 412, 422, 500, 501])("but not after a status of %d", (status) => {
    expect(pauseAfter(answer(status), 1, 0.5)).toBeUndefined();
  });

  test("after trouble that may pass, but not after one that stays", () => {
    expect(pauseAfter(trouble("nowhere"), 1, 0.5)).toBeGreaterThan(0);
    expect(pauseAfter(trouble("unknown"), 1, 0.5)).toBeGreaterThan(0);
    expect(pauseAfter(trouble("refused"), 1, 0.5)).toBeUndefined();
  });

  test("after twice as long each time, by chance up to a half less, three times and no more", () => {
    const pauses = (chance: number) => [1, 2, 3, 4].map((tries) => pauseAfter(answer(503), tries, chance));
    expect(pauses(1)).toEqual([250, 500, 1000, undefined]);
    expect(pauses(0)).toEqual([125, 250, 500, undefined]);
  });

  test("never sooner than the server asks for, however often it asks", () => {
    for (const tries of [1, 2, 3, 10, 100]) {
      for (const chance of [0, 0.5, 1]) {
        expect(pauseAfter(answer(429, 3000), tries, chance)).toBeGreaterThan(3000);
        expect(pauseAfter(answer(429, 3000), tries, chance)).toBeLessThanOrEqual(3000 + 2000);
      }
    }
    expect(pauseAfter(answer(429, 0), 1, 0)).toBeGreaterThan(0);
  });
});

describe("how long a server asks to be left alone", () => {
  test.each<[string, number, Record<string, string>, number | undefined]>([
    ["seconds", 429, { "retry-after": "7" }, 7_000],
    ["seconds of a 503", 503, { "retry-after": "120" }, 120_000],
    ["a date", 503, { "retry-after": "Sun, 01 Mar 2026 12:00:30 GMT" }, 30_000],
    [
      "a date by the server's own clock",
      503,
      { date: "Sat, 28 Feb 2026 12:00:00 GMT", "retry-after": "Sat, 28 Feb 2026 12:00:05 GMT" },
      5_000,
    ],
    ["a date that is over", 503, { "retry-after": "Sun, 01 Mar 2026 11:00:00 GMT" }, 0],
    ["seconds until its limit begins anew", 429, { "ratelimit-reset": "12" }, 12_000],
    ["the same in the newer form", 429, { ratelimit: '"default";r=0;t=9' }, 9_000],
    ["an instant in seconds", 429, { "x-ratelimit-reset": String(NOW / 1000 + 4) }, 4_000],
    ["an instant in milliseconds", 429, { "x-ratelimit-reset": String(NOW + 2_500) }, 2_500],
    ["an instant that is over", 429, { "x-ratelimit-reset": String(NOW - 5_000) }, 0],
    ["both: what it says of this request", 429, { "retry-after": "1", "x-ratelimit-reset": String(NOW / 1000 + 60) }, 1_000],
    ["nothing", 429, {}, undefined],
    ["nonsense", 429, { "retry-after": "soon" }, undefined],
    ["less than nothing", 429, { "retry-after": "-5" }, undefined],
    ["nonsense, and an instant", 429, { "retry-after": "soon", "x-ratelimit-reset": "3" }, 3_000],
    ["a limit that this 503 is not about", 503, { "x-ratelimit-reset": "60" }, undefined],
    ["something, but it did not refuse", 200, { "retry-after": "7", "ratelimit-reset": "7" }, undefined],
  ])("%s", (_, status, headers, expected) => {
    expect(retryAfterOf({ status, headers }, NOW)).toBe(expected);
  });
});
