/** The same value with every number to ten significant digits; whole numbers stay as they are, and −0, which JSON does not know, is 0. */
export function rounded<T>(value: T): T {
  if (typeof value === "number") return (Number.isInteger(value) ? value + 0 : Number(value.toPrecision(10))) as T;
  if (Array.isArray(value)) return value.map((item: unknown) => rounded(item)) as T;
  if (typeof value === "object" && value !== null) {
    const copy = { ...value };
    for (const key in copy) copy[key] = rounded(copy[key]);
    return copy;
  }
  return value;
}
