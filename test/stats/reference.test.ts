import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { casesOf, missesOf, type Case, type Method } from "../reference/cases.ts";
import { methods } from "../reference/methods.ts";

const read = (file: string): Case[] => casesOf(readFileSync(new URL(`../reference/${file}`, import.meta.url), "utf8"));
const cases = [...read("dab.json"), ...read("stats.json")];

/**
 * This figure is wrong by 1.7e-10, its tolerance being 1e-10: the integral of the density, with 50 digits by mpmath, is
 * 0.49730055897975821.
 */
const WRONG = "betainc-10000.0-1000000.0-0.0099";

describe("the figures of others are reproduced", () => {
  test("there are cases of every method, and every method has cases", () => {
    expect(cases).toHaveLength(85);
    expect(new Set(cases.map((one) => one.method))).toEqual(new Set(methods.keys()));
  });

  test.each(cases.filter(({ name }) => name !== WRONG))("$method: $name", (one) => {
    expect(missesOf(one, methods)).toEqual([]);
  });

  test("the one figure that is wrong is missed, by what it is wrong", () => {
    const wrong = cases.find(({ name }) => name === WRONG)!;
    expect(missesOf(wrong, methods)).toHaveLength(1);
    expect(missesOf({ ...wrong, expected: 0.4973005589797582 }, methods)).toEqual([]);
  });
});

describe("a case is missed", () => {
  const one = { name: "", method: "echo", inputs: {}, expected: 1, tolerance: 0.01 };
  const returning = (value: unknown): ReadonlyMap<string, Method> => new Map([["echo", () => value]]);

  test.each([
    ["within an absolute tolerance up to 1", 0.5, 0.509, 0],
    ["beyond it", 0.5, 0.511, 1],
    ["within a relative tolerance above 1", 200, 201.9, 0],
    ["beyond it", -200, -202.1, 1],
    ["a number that is none", 1, Number.NaN, 1],
    ["what was not returned", { p: 1 }, {}, 1],
    ["what was returned besides", { p: 1 }, { p: 1, q: 2 }, 0],
    ["a list that is longer", [1], [1, 2], 1],
    ["no alarm where one was", null, 3, 1],
    ["a truth", true, false, 1],
  ])("or not: %s", (_, expected, actual, misses) => {
    expect(missesOf({ ...one, expected }, returning(actual))).toHaveLength(misses);
  });

  test("where its method is unknown or does not understand the inputs", () => {
    expect(missesOf(one, new Map())).toEqual([{ path: "method", actual: "unknown", expected: "echo" }]);
    expect(missesOf({ ...one, method: "gammaln" }, methods)).toHaveLength(1);
  });
});
