import { expect, test } from "vitest";
import { STORMS, weatherAll } from "./storm.ts";

// In a file of its own, so that both kinds of flag system have their turn at the same time.
test(`${STORMS} times two or three runners at once, on a flag system that takes every write`, { timeout: 900_000 }, async () => {
  expect(await weatherAll(false)).toEqual([]);
});
