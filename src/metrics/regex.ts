/**
 * Prometheus' anchored regular expressions (RE2), matched in time linear in the text. JavaScript's own engine backtracks:
 * a label value that somebody outside chose (a path, a user agent) could hang a look that ought to stop harm.
 */

type Node =
  | { kind: "one"; accepts: (character: string) => boolean }
  | { kind: "edge"; at: "start" | "end" }
  | { kind: "sequence"; nodes: Node[] }
  | { kind: "choice"; nodes: Node[] }
  | { kind: "repeat"; node: Node; min: number; max: number };

type Step =
  | { op: "one"; accepts: (character: string) => boolean }
  | { op: "edge"; at: "start" | "end" }
  | { op: "fork"; to: number[] }
  | { op: "match" };

/** RE2 has the same bound on counted repetitions. */
const MAX_REPEAT = 1000;
const MAX_PATTERN = 1000;
const QUANTIFIER = /^(?:[*+?]|\{(\d+)(?:(,)(\d*))?\})/;
const MAX_DEPTH = 50;
const MAX_STEPS = 10_000;

/** A pattern that cannot be used; the message says why. */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

/**
 * Whether a whole text matches `pattern`, as `=~` of Prometheus means it. Knows literals, `.`, classes, the escapes
 * `\d \w \s` and their opposites, groups, alternatives, quantifiers, `^`, `$` and a leading `(?i)`. Throws
 * `PatternError` for what it does not know and for patterns over 1,000 characters.
 */
export function anchoredPattern(pattern: string): (text: string) => boolean {
  if (pattern.length > MAX_PATTERN) throw new PatternError(`the pattern has more than ${MAX_PATTERN} characters`);
  const program: Step[] = [];
  emit(parse(pattern), program);
  add(program, { op: "match" });
  return (text) => run(program, text);
}

/** The text as a pattern that matches it alone. */
export function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function parse(pattern: string): Node {
  const ignoreCase = pattern.startsWith("(?i)");
  const flags = ignoreCase ? "isu" : "su";
  let at = ignoreCase ? 4 : 0;

  const node = choice(0);
  if (at < pattern.length) throw new PatternError(`there is a ) too many at character ${at + 1}`);
  return node;

  function choice(depth: number): Node {
    if (depth > MAX_DEPTH) throw new PatternError("groups are nested too deeply");
    const nodes = [sequence(depth)];
    while (pattern[at] === "|") {
      at++;
      nodes.push(sequence(depth));
    }
    return nodes.length === 1 ? nodes[0]! : { kind: "choice", nodes };
  }

  function sequence(depth: number): Node {
    const nodes: Node[] = [];
    while (at < pattern.length && pattern[at] !== "|" && pattern[at] !== ")") nodes.push(quantified(atom(depth)));
    return { kind: "sequence", nodes };
  }

  function quantified(node: Node): Node {
    const match = QUANTIFIER.exec(pattern.slice(at));
    if (!match) return node;
    at += match[0].length;
    if (pattern[at] === "?") at++; // Lazy or greedy: the same texts match.
    if (QUANTIFIER.test(pattern.slice(at))) throw new PatternError(`a quantifier follows another at character ${at + 1}`);
    if (match[0] === "*") return { kind: "repeat", node, min: 0, max: Infinity };
    if (match[0] === "+") return { kind: "repeat", node, min: 1, max: Infinity };
    if (match[0] === "?") return { kind: "repeat", node, min: 0, max: 1 };
    const min = Number(match[1]);
    const max = match[2] === undefined ? min : match[3] === "" ? Infinity : Number(match[3]);
    if (min > MAX_REPEAT || (max !== Infinity && max > MAX_REPEAT) || max < min)
      throw new PatternError(`${match[0]} cannot be repeated so`);
    return { kind: "repeat", node, min, max };
  }

  function atom(depth: number): Node {
    const character = String.fromCodePoint(pattern.codePointAt(at)!);
    if (character === "(") return group(depth);
    if (character === "[") return one(classText());
    if (character === "\\") return one(escapeText());
    if (QUANTIFIER.test(pattern.slice(at))) throw new PatternError(`nothing is repeated by ${character} at character ${at + 1}`);
    at += character.length;
    if (character === "^") return { kind: "edge", at: "start" };
    if (character === "$") return { kind: "edge", at: "end" };
    if (character === ".") return { kind: "one", accepts: () => true };
    return one(/[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character);
  }

  function group(depth: number): Node {
    if (pattern.startsWith("(?", at) && !pattern.startsWith("(?:", at)) {
      throw new PatternError(`groups are (…) or (?:…), not ${pattern.slice(at, at + 4)}…`);
    }
    at += pattern.startsWith("(?:", at) ? 3 : 1;
    const node = choice(depth + 1);
    if (pattern[at] !== ")") throw new PatternError("a group is not closed");
    at++;
    return node;
  }

  function escapeText(): string {
    const next = pattern[at + 1];
    if (next === undefined) throw new PatternError("it ends in a backslash");
    if (/[1-9a-zA-Z]/.test(next) && !/[dDwWsSntrfv]/.test(next)) throw new PatternError(`\\${next} is not known`);
    const symbol = String.fromCodePoint(pattern.codePointAt(at + 1)!);
    at += 1 + symbol.length;
    // In Unicode mode JavaScript allows a backslash before its own syntax characters only.
    return /[\\^$.*+?()[\]{}|/dDwWsSntrfv]/.test(symbol) ? `\\${symbol}` : symbol;
  }

  function classText(): string {
    let text = "[";
    at++;
    if (pattern[at] === "^") {
      text += "^";
      at++;
    }
    for (let first = true; pattern[at] !== "]" || first; first = false) {
      const character = pattern[at];
      if (character === undefined) throw new PatternError("a class […] is not closed");
      if (character === "[" && pattern[at + 1] === ":") throw new PatternError("classes such as [:alpha:] are not known");
      if (character === "\\") {
        const escaped = escapeText();
        text += escaped === "-" ? "\\-" : escaped; // Else it would make a range.
      } else {
        text += character === "[" || character === "]" ? `\\${character}` : character;
        at++;
      }
    }
    at++;
    return `${text}]`;
  }

  /** One character is safe to hand to JavaScript's engine: there is nothing to go back over. */
  function one(text: string): Node {
    try {
      const expression = new RegExp(`^${text}$`, flags);
      return { kind: "one", accepts: (character) => expression.test(character) };
    } catch {
      throw new PatternError(`${text} cannot be read`);
    }
  }
}

function add(program: Step[], step: Step): number {
  if (program.length >= MAX_STEPS) throw new PatternError("its repetitions make it too long");
  return program.push(step) - 1;
}

function emit(node: Node, program: Step[]): void {
  switch (node.kind) {
    case "one":
      add(program, { op: "one", accepts: node.accepts });
      return;
    case "edge":
      add(program, { op: "edge", at: node.at });
      return;
    case "sequence":
      for (const part of node.nodes) emit(part, program);
      return;
    case "choice": {
      const to: number[] = [];
      add(program, { op: "fork", to });
      const ends: number[][] = [];
      for (const part of node.nodes) {
        to.push(program.length);
        emit(part, program);
        const end: number[] = [];
        add(program, { op: "fork", to: end });
        ends.push(end);
      }
      for (const end of ends) end.push(program.length);
      return;
    }
    case "repeat": {
      for (let count = 0; count < node.min; count++) {
        const start = program.length;
        emit(node.node, program);
        if (program.length === start) break; // Nothing, however often: nested, it would take for ever.
      }
      if (node.max === Infinity) {
        const to: number[] = [];
        const start = add(program, { op: "fork", to });
        to.push(program.length);
        emit(node.node, program);
        add(program, { op: "fork", to: [start] });
        to.push(program.length);
        return;
      }
      const exits: number[][] = [];
      for (let count = node.min; count < node.max; count++) {
        const to: number[] = [];
        add(program, { op: "fork", to });
        to.push(program.length);
        exits.push(to);
        emit(node.node, program);
      }
      for (const exit of exits) exit.push(program.length);
    }
  }
}

/** Follows all ways through the program at once (Thompson): at most one visit per step and character. */
function run(program: Step[], text: string): boolean {
  const characters = [...text];
  let current = reach([0], 0);
  for (let index = 0; index < characters.length && current.length > 0; index++) {
    const next: number[] = [];
    for (const at of current) {
      const step = program[at]!;
      if (step.op === "one" && step.accepts(characters[index]!)) next.push(at + 1);
    }
    current = reach(next, index + 1);
  }
  return current.some((at) => program[at]!.op === "match");

  function reach(starts: number[], index: number): number[] {
    const seen = new Set<number>();
    const open = [...starts];
    const reached: number[] = [];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      const step = program[at]!;
      if (step.op === "fork") open.push(...step.to);
      else if (step.op === "edge") {
        if (index === (step.at === "start" ? 0 : characters.length)) open.push(at + 1);
      } else reached.push(at);
    }
    return reached;
  }
}
