import { isCollection, parseAllDocuments, visit, type Document } from "yaml";
import { linesOf } from "./excerpt.ts";
import type { Mistake, Problems } from "./problems.ts";
import { cover, unquotedQueries, type UnquotedQuery } from "./queries.ts";

/** The most bytes a plan may have: the parser takes seconds and hundreds of megabytes for more. */
export const MAX_PLAN_BYTES = 256 * 1024;

/** Each round finds what hid behind the queries of the one before; past this many the plan is a mess anyway. */
const ROUNDS = 8;

/** A document that can be walked. `remarks` are mistakes of single values, by the offset at which each begins. */
export interface Parsed {
  document: Document;
  remarks: Map<number, Mistake & { query?: string }>;
}

/** Parses the text of a plan; reports and gives nothing when its syntax is so broken that the rest makes no sense. */
export function parseYaml(text: string, problems: Problems): Parsed | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_PLAN_BYTES) {
    problems.errorAt([0, 0], {
      message: `the plan is too large: it has ${Math.ceil(bytes / 1024)} KB, at most ${MAX_PLAN_BYTES / 1024} KB are read`,
      mend: "keep long lists of values in files of their own, with `inFile`",
    });
    return undefined;
  }
  const { documents, queries } = parseAroundQueries(text);
  const [document, second] = documents;
  if (!document) {
    problems.errorAt([0, 0], {
      message: "the plan is empty",
      mend: "begin with `version: 1` and `rollout: NAME`, or see `plans/quickstart.yaml`",
    });
    return undefined;
  }
  const remarks: Parsed["remarks"] = new Map(queries.map(({ span, query }) => [span[0], { ...mistakeOfQuery(query), query }]));
  if (second) {
    const start = second.range?.[0] ?? 0;
    problems.errorAt([start, start], {
      message: "the file holds several documents",
      mend: "keep one plan in a file: remove the line `---`",
    });
    return undefined;
  }
  if (document.directives?.yaml.explicit || Object.keys(document.directives?.tags ?? {}).length > 1) {
    problems.errorAt([0, text.search(/[\r\n]|$/)], {
      message: "directives (`%YAML`, `%TAG`) are not read",
      mend: "remove the line: a plan is YAML 1.2",
    });
    return undefined;
  }
  return reportSyntax(document, remarks, text, problems) ? { document, remarks } : undefined;
}

function parse(text: string): Document[] {
  return [...parseAllDocuments(text, { version: "1.2", uniqueKeys: false, prettyErrors: false, logLevel: "error" })];
}

/**
 * One unquoted query breaks the syntax of all that follows it. So each is covered and the text parsed again, until none
 * is left: what else is wrong then shows, at its own place.
 */
function parseAroundQueries(text: string): { documents: Document[]; queries: UnquotedQuery[] } {
  const lines = linesOf(text);
  const queries: UnquotedQuery[] = [];
  let covered = text;
  for (let round = 1; ; round++) {
    const documents = parse(covered);
    const troubles = documents.flatMap(troublesOf).sort((a, b) => a - b);
    const troubled = new Set(troubles.map(lines.lineAt));
    const first = troubles.length > 0 ? lines.lineAt(troubles[0]!) : -1;
    const found = [...troubled].flatMap((line) => {
      const here = unquotedQueries(covered, lines.lineSpan(line), false);
      // Only the first error is sure to be none that another one caused.
      return here.length > 0 || line !== first ? here : unquotedQueries(covered, lines.lineSpan(line), true);
    });
    if (found.length === 0 || round === ROUNDS) return { documents, queries };
    queries.push(...found);
    covered = cover(covered, found);
  }
}

/** Offsets of syntax errors, and of keys that are maps or lists: `{{group}}` reads as a map with a map for a key. */
function troublesOf(document: Document): number[] {
  const offsets = document.errors.map(({ pos }) => pos[0]);
  visit(document, {
    Pair: (_, { key }) => {
      if (isCollection(key) && key.range) offsets.push(key.range[0]);
    },
  });
  return offsets;
}

function mistakeOfQuery(query: string): Mistake {
  if (/^\$\{(env|file):[^{}]*\}$/.test(query)) {
    return { message: "this reference is not quoted, and YAML reads its brace as a map", mend: `put it in quotes: "${query}"` };
  }
  // What is no query of a group may be a secret: it is not repeated.
  const shown = query.includes("{{group}}") && query.length <= 120 ? `: '${query.replaceAll("'", "''")}'` : "";
  return { message: "this query is not quoted, and YAML reads its braces as a map", mend: `put it in single quotes${shown}` };
}

/** Reports errors of syntax, without those that follow from others; says whether the tree can be used nevertheless. */
function reportSyntax(document: Document, remarks: Parsed["remarks"], text: string, problems: Problems): boolean {
  const lines = linesOf(text);
  const ofValues = document.errors.filter(({ code }) => code === "BAD_SCALAR_START");
  for (const { pos } of ofValues) {
    const character = text[pos[0]] ?? "";
    remarks.set(pos[0], { message: `a value cannot begin with ${character} unless it is quoted`, mend: "put the value in quotes" });
  }
  const others = document.errors.filter(({ code }) => code !== "BAD_SCALAR_START");
  const tabs = others.filter(({ code }) => code === "TAB_AS_INDENT");
  const shown = tabs.length > 0 ? tabs : others.slice(0, 1);
  for (const { code, message, pos } of shown) {
    const start = (code === "MISSING_CHAR" && startOfQuotes(document, pos[0])) || pos[0];
    const end = Math.max(start, Math.min(pos[1], lines.lineSpan(lines.lineAt(start))[1]));
    problems.errorAt([start, end], mistakeOfSyntax(code, message));
  }
  if (shown.length > 0) {
    // Without a tree, a value's own mistake has no path, but it is still one.
    for (const [start, mistake] of remarks) problems.errorAt([start, start + (mistake.query?.length ?? 1)], mistake);
  }
  return shown.length === 0;
}

/** Where the quotes began that are still open at `end`: the parser only tells where it gave up. */
function startOfQuotes(document: Document, end: number): number | undefined {
  let start: number | undefined;
  visit(document, {
    Scalar: (_, { type, range }) => {
      if (type?.startsWith("QUOTE") && range && range[1] >= end - 1) start ??= range[0];
    },
  });
  return start;
}

function mistakeOfSyntax(code: string, message: string): Mistake {
  switch (code) {
    case "TAB_AS_INDENT":
      return { message: "a tab cannot indent YAML", mend: "indent with spaces" };
    case "BLOCK_AS_IMPLICIT_KEY":
      return {
        message: "a map cannot begin in the middle of a line",
        mend: "put the value in quotes, or begin the map on a line of its own",
      };
    case "RESOURCE_EXHAUSTION":
      return { message: "the plan is nested too deeply", mend: "write it with fewer maps and lists within each other" };
    default:
      return {
        message: `this is not YAML: ${lowerFirst(message)}`,
        mend: "look for a missing quote, bracket or colon here or on the line before",
      };
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
