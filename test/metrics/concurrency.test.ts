import { expect, test } from "vitest";
import { limited } from "../../src/metrics/concurrency.ts";

test("never more at once than allowed, in order, also after failures and for late comers", async () => {
  const turn = limited(3);
  const begun: number[] = [];
  let running = 0;
  let most = 0;
  const task = (index: number) => async () => {
    begun.push(index);
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, (index % 4) * 2));
    running--;
    if (index % 5 === 0) throw new Error("failed");
    return index;
  };
  const first = Array.from({ length: 20 }, (_, index) => turn(task(index)));
  const settled = Promise.allSettled(first);
  await first[3];
  const late = Array.from({ length: 20 }, (_, index) => turn(task(20 + index)));
  const results = (await Promise.all([settled, Promise.allSettled(late)])).flat();
  expect(most).toBe(3);
  expect(begun).toEqual(Array.from({ length: 40 }, (_, index) => index));
  expect(results.filter(({ status }) => status === "rejected")).toHaveLength(8);
});
