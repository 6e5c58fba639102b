import { describe, expect, test } from "vitest";
import { randomFor } from "../../src/simulate/random.ts";

const DRAWS = 20_000;

/** The mean of many draws and its distance from what it should be, in standard errors; the same of their variance. */
function distances(draw: () => number, mean: number, variance: number): [number, number] {
  const values = Array.from({ length: DRAWS }, draw);
  const found = values.reduce((sum, value) => sum + value, 0) / DRAWS;
  const squares = values.map((value) => (value - mean) ** 2);
  const spread = squares.reduce((sum, square) => sum + square, 0) / DRAWS;
  const fourth = squares.reduce((sum, square) => sum + (square - spread) ** 2, 0) / DRAWS;
  return [(found - mean) / Math.sqrt(variance / DRAWS), (spread - variance) / Math.sqrt(fourth / DRAWS)];
}

describe("draws have the mean and the variance of their distribution:", () => {
  const random = randomFor("moments");
  test.each<[string, () => number, number, number]>([
    ["uniform", random.uniform, 1 / 2, 1 / 12],
    ["normal", random.normal, 0, 1],
    ["gamma, little noise", () => random.gamma(0.3), 1, 0.09],
    ["gamma, more noise than mean", () => random.gamma(1.5), 1, 2.25],
    ["few of many", () => random.binomial(6_000, 0.0005), 3, 3 * 0.9995],
    ["many of many", () => random.binomial(6_000, 0.005), 30, 30 * 0.995],
    ["most of many", () => random.binomial(500, 0.9), 450, 45],
    ["half of a few", () => random.binomial(10, 0.5), 5, 2.5],
    ["a few Poisson events", () => random.poisson(3), 3, 3],
    ["many Poisson events", () => random.poisson(600), 600, 600],
  ])("%s", (_, draw, mean, variance) => {
    for (const distance of distances(draw, mean, variance)) expect(Math.abs(distance)).toBeLessThan(4);
  });
});

test("there are never more successes than trials, nor fewer than none", () => {
  const random = randomFor("edges");
  expect([random.binomial(0, 0.5), random.binomial(9, 0), random.binomial(9, 1), random.poisson(0), random.gamma(0)]).toEqual([
    0, 0, 9, 0, 1,
  ]);
  const counts = Array.from({ length: 2_000 }, () => random.binomial(30, 0.5));
  expect(counts.every((count) => Number.isInteger(count) && count >= 0 && count <= 30)).toBe(true);
});

test("the same text gives the same numbers, another text others", () => {
  const numbers = (text: string) => {
    const { uniform } = randomFor(text);
    return Array.from({ length: 5 }, uniform);
  };
  expect(numbers("1/healthy/7")).toEqual(numbers("1/healthy/7"));
  const firsts = Array.from({ length: 2_000 }, (_, run) => numbers(`1/healthy/${run}`)[0]!);
  expect(new Set(firsts).size).toBe(2_000);
  // Neighbouring runs have nothing in common.
  const mean = firsts.reduce((sum, first) => sum + first, 0) / firsts.length;
  expect(Math.abs(mean - 0.5)).toBeLessThan(4 * Math.sqrt(1 / 12 / firsts.length));
  const products = firsts.slice(1).map((first, index) => (first - 0.5) * (firsts[index]! - 0.5));
  expect(Math.abs(products.reduce((sum, product) => sum + product, 0) / products.length)).toBeLessThan(4 / 12 / Math.sqrt(products.length));
});
