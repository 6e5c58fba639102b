import { NO_EVIDENCE } from "../stats/difference.ts";

/** Numbers as people read them in a sentence. */

/** 17700 → `17,700`. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** 0.0231 → `2.31%`, 0.00012 → `0.012%`, 0.99982 → `99.982%`: two significant digits from 0 and from 100 %. */
export function percent(fraction: number): string {
  return `${hundredths(fraction)}%`;
}

/** 0.0179 → `+1.79pp`. */
export function points(fraction: number): string {
  const size = hundredths(Math.abs(fraction));
  return `${size === "0" ? "" : fraction < 0 ? "-" : "+"}${size}pp`;
}

/** 4.44 → `4.4x`, 1.2 → `1.2x`, 0.9916 → `0.9916x`, 31.6 → `32x`. */
export function times(ratio: number): string {
  if (ratio >= 9.95) return `${count(ratio)}x`;
  if (ratio >= 1.995) return `${Number(ratio.toFixed(1))}x`;
  if (ratio > 0 && ratio < 0.01) return "under 0.01x";
  const fromOne = Math.abs(ratio - 1);
  return `${Number(ratio.toFixed(fromOne > 0 ? Math.min(4, Math.max(2, Math.ceil(-Math.log10(fromOne)) + 1)) : 2))}x`;
}

/** A log e-value as odds: `412:1`, `1.4:1`, `1:3`. Rounded down, so that odds that are not enough do not look enough. */
export function odds(logE: number): string {
  if (logE <= NO_EVIDENCE) return "none so far";
  const million = Math.log(1e6);
  if (logE >= million) return "over 1,000,000:1";
  if (logE <= -million) return "under 1:1,000,000";
  const value = Math.exp(Math.abs(logE)) + 1e-9;
  if (logE < 0) return `1:${value < 10 ? Math.round(value * 10) / 10 : count(value)}`;
  return `${value < 10 ? Math.floor(value * 10) / 10 : count(Math.floor(value))}:1`;
}

/** 12345 → `12,000`: a number that is only roughly known. */
export function roughly(value: number): string {
  return count(Number(value.toPrecision(2)));
}

function hundredths(fraction: number): string {
  const distance = Math.min(fraction, 1 - fraction) * 100;
  const digits = distance > 0 && distance < 1 ? Math.min(9, Math.ceil(-Math.log10(distance)) + 1) : 2;
  // Not by way of a number, which would write small ones as 1e-7.
  return (fraction * 100).toFixed(digits).replace(/\.?0+$/, "");
}

/** Units that are shown in whichever of their dimension reads best: each with its size in the smallest. */
const dimensions: readonly (readonly [unit: string, size: number])[][] = [
  [
    ["ns", 1],
    ["us", 1e3],
    ["ms", 1e6],
    ["s", 1e9],
    ["min", 60e9],
    ["h", 3600e9],
  ],
  [
    ["B", 1],
    ["KiB", 1024],
    ["MiB", 1024 ** 2],
    ["GiB", 1024 ** 3],
  ],
  [
    ["KB", 1e3],
    ["MB", 1e6],
    ["GB", 1e9],
  ],
];

/** 0.375 in seconds → `375 ms`; 12.5 in EUR → `12.5 EUR`: three significant digits. */
export function quantity(value: number, unit: string | undefined): string {
  if (value !== 0 && Number.isFinite(value)) {
    const own = dimensions.find((units) => units.some(([name]) => name === unit));
    const size = own?.find(([name]) => name === unit)?.[1];
    if (own && size !== undefined) {
      const amount = Math.abs(value) * size;
      const [name, scale] = own.findLast(([, each]) => amount >= each * 0.9995) ?? own[0]!;
      return withUnit((value * size) / scale, name);
    }
  }
  return withUnit(value, unit);
}

/** As `quantity`, with its sign: `+50 ms`. */
export function change(value: number, unit: string | undefined): string {
  return `${value > 0 ? "+" : ""}${quantity(value, unit)}`;
}

function withUnit(value: number, unit: string | undefined): string {
  const rounded = Number(value.toPrecision(3));
  const size = Math.abs(rounded);
  const text =
    size >= 1000
      ? (rounded < 0 ? "-" : "") + count(size)
      : size > 0 && size < 1e-6
        ? rounded.toFixed(12).replace(/0+$/, "")
        : String(rounded);
  return unit === undefined ? text : `${text} ${unit}`;
}
