import { isAlias, isMap as isYamlMap, isPair, isScalar, isSeq, type Node, type Pair, type Scalar, type YAMLMap } from "yaml";
import type { Span } from "./excerpt.ts";
import type { Path } from "./path.ts";
import { found } from "./phrases.ts";
import type { Problems } from "./problems.ts";
import type { Parsed } from "./yaml.ts";

/** Nothing that a plan says needs more. */
const DEEPEST = 60;

/**
 * Turns a YAML document into plain maps, lists and scalars, and remembers where each stands. YAML's traps are reported
 * here: anchors, aliases, merges, tags, keys that are no text or come twice, numbers that read otherwise than they look.
 */
export function readTree({ document, remarks }: Parsed, problems: Problems): unknown {
  const references: { path: Path; name: string }[] = [];
  problems.place([], { value: spanOf(document.contents, [0, 0]) });
  const value = read(document.contents, []);
  const [first] = references;
  if (first) {
    const others = references.length > 1 ? ` (and ${references.length - 1} more)` : "";
    const mistake = {
      message: `anchors and aliases are not read: ${first.name}${others}`,
      mend: "write the value out in each place where it is needed",
    };
    problems.error(first.path, mistake, { also: true });
    for (const { path } of references) problems.close(path);
  }
  return value;

  function read(node: unknown, path: Path): unknown {
    const yaml = node as Node | null;
    if (isAlias(yaml)) {
      references.push({ path, name: `*${yaml.source}` });
      return null;
    }
    if (yaml && "anchor" in yaml && yaml.anchor !== undefined) references.push({ path, name: `&${yaml.anchor}` });
    if (path.length > DEEPEST) {
      problems.error(path, { message: "the plan is nested too deeply", mend: "write it with fewer maps and lists within each other" });
      return null;
    }
    if (yaml && "tag" in yaml && yaml.tag !== undefined && yaml.range) {
      problems.error(path, { message: "tags (`!…`) are not read", mend: "remove the tag; put text in quotes" });
    }
    if (isYamlMap(yaml)) return readMap(yaml, path);
    if (isSeq(yaml)) {
      return yaml.items.map((item, index) => {
        const below = [...path, index];
        problems.place(below, { value: spanOf(isPair(item) ? item.key : item, yaml.range) });
        return read(item, below);
      });
    }
    return isScalar(yaml) ? readScalar(yaml, path) : null;
  }

  function readMap(map: YAMLMap, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const pair of map.items) {
      const key = readKey(pair, map, path);
      if (key === undefined) continue;
      const below = [...path, key];
      const keySpan = spanOf(pair.key, map.range);
      if (Object.hasOwn(result, key)) {
        problems.errorAt(keySpan, { message: `the key \`${key}\` comes twice in the same map`, mend: "keep one of the two" });
        continue;
      }
      problems.place(below, { key: keySpan, value: spanOf(pair.value, [keySpan[0], keySpan[1]]) });
      if (isScalar(pair.key) && typeof pair.key.value !== "string") {
        problems.error(below, { message: `${found(pair.key.value)} cannot be a key`, mend: `put it in quotes: "${key}"` }, { at: "key" });
      }
      if (key === "<<") {
        problems.error(below, { message: "merges (`<<`) are not read", mend: "write the keys out here" }, { at: "key" });
        problems.close(below);
        continue;
      }
      result[key] = read(pair.value, below);
    }
    return result;
  }

  /** The key as text; reports and gives nothing when it cannot be one. */
  function readKey(pair: Pair, map: YAMLMap, path: Path): string | undefined {
    const span = spanOf(pair.key, map.range);
    if (!isScalar(pair.key)) {
      if (isAlias(pair.key)) references.push({ path, name: `*${pair.key.source}` });
      else problems.errorAt(span, { message: "a map or a list cannot be a key", mend: "put text with braces or brackets in quotes" });
      return undefined;
    }
    if (pair.key.anchor !== undefined) references.push({ path, name: `&${pair.key.anchor}` });
    const key = typeof pair.key.value === "string" ? pair.key.value : (pair.key.source ?? String(pair.key.value));
    // A look-up by such a name would find what every object has.
    if (key in Object.prototype) {
      problems.errorAt(span, { message: `\`${key}\` cannot be used as a name`, mend: "choose another name" });
      return undefined;
    }
    return key;
  }

  function readScalar(scalar: Scalar, path: Path): unknown {
    const remark = remarks.get(scalar.range?.[0] ?? -1);
    if (remark) {
      problems.error(path, remark);
      if (remark.query === undefined) problems.close(path);
      return remark.query ?? scalar.value;
    }
    const { value, source = "" } = scalar;
    if (typeof value === "number") {
      const mend = `put it in quotes if it is text: "${source}"; or write the number plainly`;
      if (/^[-+]?0\d/.test(source))
        problems.error(path, { message: `${source} reads as ${value} here and as an octal number elsewhere`, mend });
      else if (!Number.isFinite(value)) problems.error(path, { message: `${source} is no number that can be used here`, mend });
      else if (Number.isInteger(value) && !Number.isSafeInteger(value))
        problems.error(path, { message: `${source} is too large to be kept exactly`, mend });
      else if (/\.\d*0$/.test(source)) problems.warning(path, { message: `${source} reads as the number ${value}`, mend });
    }
    return typeof value === "bigint" ? Number(value) : value;
  }
}

/** Where a node stands; an absent one stands at the end of what is before it. */
function spanOf(node: unknown, fallback: readonly number[] | null | undefined): Span {
  const range = (node as Node | null)?.range;
  if (range) return [range[0], range[1]];
  return [fallback?.[0] ?? 0, fallback?.[1] ?? fallback?.[0] ?? 0];
}
