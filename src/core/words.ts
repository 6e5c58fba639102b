/** Numbers as people say them. */

const UNITS: [string, number][] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1_000],
];

/** A duration in milliseconds with its two largest units: `1 h 5 min`, `12 s`, `300 ms`. */
export function duration(milliseconds: number): string {
  if (Math.round(milliseconds) < 1_000) return `${Math.round(milliseconds)} ms`;
  const parts: string[] = [];
  let rest = Math.round(milliseconds / 1_000) * 1_000;
  for (const [unit, size] of UNITS) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** A whole number with its thousands apart: `17,700`. */
export function count(value: number): string {
  // Not by way of a locale, which takes longer than all the rest of a gate.
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}
