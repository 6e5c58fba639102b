import { z } from "zod";
import { isFreeKey, nameSchema } from "../model/exposure.ts";
import { parseSecret, type Secret } from "../model/secret.ts";
import { isUnit, parseDuration, parsePercent, parseShare } from "../model/units.ts";
import { mendedBy } from "./issues.ts";
import { nearest } from "../model/nearest.ts";

/** The fields that plans are made of, as they are written; each turns its text into what the model keeps. */

/** A text that `parse` understands; it gives nothing for one that it does not. */
function written<Value>(expected: string, mend: (value: unknown) => string, parse: (text: string) => Value | undefined) {
  const message = `expected ${expected}`;
  const schema = z.string({ error: message }).transform((text, context): Value => {
    const value = parse(text.trim());
    if (value !== undefined) return value;
    context.addIssue({ code: "custom", message });
    return z.NEVER;
  });
  return mendedBy(schema, mend);
}

/** Names the units for a number that stands there without one. */
export function withUnit(units: readonly string[], otherwise: string) {
  return (value: unknown) => {
    const bare = typeof value === "number" || (typeof value === "string" && /^-?\d+(\.\d+)?$/.test(value.trim()));
    return bare ? `write it with its unit: ${units.map((unit) => `${String(value).trim()}${unit}`).join(", ")}` : otherwise;
  };
}

const durationMend = withUnit(["s", "m", "h"], "write a number with ms, s, m, h or d: 30s, 5m, 1h30m");

/** Milliseconds. */
export function durationField() {
  return written("a duration with its unit, such as 30s, 5m or 1h30m", durationMend, parseDuration);
}

/** Milliseconds, at least one. */
export function periodField() {
  return written("a duration above zero with its unit, such as 30s or 5m", durationMend, (text) => parseDuration(text) || undefined);
}

const percentMend = withUnit(["%"], "write a percentage: 0.5%, 5% or 100%");

/** Whole thousandths of a percent, up to everybody. */
export function shareField() {
  return written("a percentage from 0% to 100%, in steps of 0.001%", percentMend, parseShare);
}

/** A share that leaves somebody. */
export function holdoutField() {
  return written("a percentage from 0% to below 100%, in steps of 0.001%", percentMend, (text) => {
    const share = parseShare(text);
    return share !== undefined && share < 100_000 ? share : undefined;
  });
}

function fractionOf(text: string): number | undefined {
  const fraction = parsePercent(text);
  return fraction !== undefined && fraction > 0 && fraction < 1 ? fraction : undefined;
}

/** A fraction strictly between 0 and 1. */
export function fractionField() {
  return written("a percentage above 0% and below 100%", percentMend, fractionOf);
}

/** A limit: text, or a number where the metric has no unit. What it means depends on the metric, and is read when that is known. */
export function limitField() {
  const schema = z.union([z.string(), z.number()], { error: "expected a limit" });
  return mendedBy(schema, () => "write a number with its unit, such as 0.1%, 50ms or 5MiB/h");
}

/** A fraction strictly between 0 and 1: 0.95 for the 95th percentile. */
export function quantileField() {
  const mend = (value: unknown) => {
    const [, percent] = typeof value === "string" ? (/^p(\d{1,2}(?:\.\d+)?)$/i.exec(value.trim()) ?? []) : [];
    const number = Number(percent ?? value);
    if (percent === undefined && number > 0 && number < 1) return `write it as a percentage: ${Number((number * 100).toPrecision(12))}%`;
    return number > 0 && number < 100 ? `write it as a percentage: ${number}%` : "write a percentage: 50%, 95% or 99.9%";
  };
  return written("a quantile as a percentage, above 0% and below 100%", mend, fractionOf);
}

/** In how many of the last readings something must be so. */
export function failuresField() {
  return written(
    "how many of the last readings, such as 3 of 5 (at most 100)",
    () => "write how many of how many: 3 of 5",
    (text) => {
      const [, count, of] = (/^(\d{1,3}) of (\d{1,3})$/.exec(text) ?? []).map(Number);
      return count !== undefined && of !== undefined && count >= 1 && count <= of && of <= 100 ? { count, of } : undefined;
    },
  );
}

/** What the values of a metric are measured in. */
export function unitField() {
  const expected = "expected a unit: a word such as ms, MiB or EUR";
  const mend = (value: unknown) =>
    typeof value === "string" && /^(%|pp|percent)$/i.test(value.trim())
      ? "leave `unit` out, and write limits as plain numbers: 80"
      : "write one word, without blanks, or leave it out for plain numbers";
  return mendedBy(z.string({ error: expected }).refine(isUnit, { error: expected }), mend);
}

/** How many treated requests to wait for; `auto`: as many as show the harm that the guardrails name. */
export function samplesField() {
  const error = "expected auto, or a whole number";
  const schema = z.union([z.literal("auto"), z.number().int({ error }).min(0, { error })], { error });
  return mendedBy(schema, (value) => {
    const isAuto = typeof value === "string" && (/^auto/i.test(value) || nearest(value, ["auto"]) !== undefined);
    return isAuto ? "did you mean `auto`?" : "write auto, or how many treated requests to wait for, in digits: 1000";
  });
}

const perMinute: Record<string, number> = { s: 60, min: 1, h: 1 / 60 };

/** Requests per minute. */
export function trafficField() {
  return written(
    "requests with their unit, such as 6000/min",
    withUnit(["/s", "/min", "/h"], "write a number with /s, /min or /h: 6000/min"),
    (text) => {
      const [, amount, unit] = /^(\d{1,12}(?:\.\d{1,6})?)\s?\/\s?(s|min|h)$/.exec(text) ?? [];
      const traffic = Number(amount) * (perMinute[unit ?? ""] ?? Number.NaN);
      return traffic > 0 ? traffic : undefined;
    },
  );
}

/** The name of a rollout or a segment. */
export function nameField() {
  return named(
    "a name of lower case letters, digits and dashes (at most 63)",
    (text) => nameSchema.safeParse(text).success,
    (text) =>
      text
        .toLowerCase()
        .replaceAll(/[^a-z0-9]+/g, "-")
        .replaceAll(/^-+|-+$/g, "")
        .slice(0, 63),
  );
}

/** The name of a metric or a source. */
export function wordField() {
  return named(
    "a name of letters, digits, dashes and underscores (at most 63)",
    (text) => /^[A-Za-z0-9][\w-]{0,62}$/.test(text) && isFreeKey(text),
    (text) =>
      text
        .replaceAll(/[^A-Za-z0-9]+/g, "-")
        .replaceAll(/^-+|-+$/g, "")
        .slice(0, 63),
  );
}

function named(expected: string, isName: (text: string) => boolean, nameFrom: (text: string) => string) {
  const mend = (value: unknown) => {
    if (typeof value === "number" || typeof value === "boolean") return `put it in quotes: "${value}"`;
    const name = typeof value === "string" ? nameFrom(value) : "";
    return isName(name) && name !== value ? `write ${name}` : "choose another name, such as new-checkout";
  };
  return mendedBy(z.string({ error: `expected ${expected}` }).refine(isName, { error: `expected ${expected}` }), mend);
}

/** Words for people or for another system, kept as they are. */
export function textField(most = 10_000) {
  return z
    .string({ error: "expected text" })
    .min(1, { error: "expected text that is not empty" })
    .max(most, { error: `expected text of at most ${most} characters` });
}

/** A text, or a whole reference to a secret. Nothing prints it: it may be the secret itself. */
export function textOrSecretField(most = 2_000) {
  return textField(most).transform((text): string | Secret => parseSecret(text) ?? text);
}

/** A variant of the flag. `true` and `false` are the variants of a boolean flag, quoted or not. */
export function variantField() {
  const schema = z.union([z.boolean(), z.string().min(1).max(200)], { error: "expected the name of a variant" }).transform(String);
  return mendedBy(schema, (value) =>
    typeof value === "number" ? `put it in quotes: "${value}"` : "write the name of one of the flag's variants",
  );
}

/** A value that an attribute is compared with; its type counts. */
export function scalarField() {
  const schema = z.union([z.string(), z.number(), z.boolean()], { error: "expected a text, a number, true or false" });
  return mendedBy(schema, () => "write one value; put text that YAML reads otherwise in quotes");
}

const comparator = /^(>=|<=|!=|>|<|=)?\d+(\.\d+){0,2}(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/** Comparators of versions, all of which must hold. */
export function semverField() {
  return written(
    'comparators of versions separated by spaces, such as ">=7.4.0 <8.0.0"',
    () => "write versions with >=, >, <=, <, = or != directly before each, and in quotes; ^7.4.0 is >=7.4.0 <8.0.0",
    (text) => (text !== "" && text.split(/\s+/).every((part) => comparator.test(part)) ? text : undefined),
  );
}
