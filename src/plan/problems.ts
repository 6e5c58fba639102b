import type { Diagnostic, Range } from "../model/diagnostic.ts";
import { linesOf, type Span } from "./excerpt.ts";
import { pathText, type Path } from "./path.ts";

/** What is wrong, and what to do about it. */
export interface Mistake {
  message: string;
  mend: string;
}

export interface Placing {
  /** Whether the key or the value is to blame; the value unless said. */
  at?: "key" | "value";
  /** The value may be a secret: it is printed nowhere, in this frame or another. */
  hidden?: boolean;
  /** Report it even when the same place has an error already. */
  also?: boolean;
}

/** Where a node stands: its value, and its key if it has one. */
export interface Place {
  key?: Span;
  value: Span;
}

/** Collects what is wrong with one file, so that all of it is shown at once and one mistake is shown once. */
export interface Problems {
  error(path: Path, mistake: Mistake, placing?: Placing): void;
  warning(path: Path, mistake: Mistake, placing?: Placing): void;
  /** An error of a place that has no path, such as broken syntax. */
  errorAt(span: Span, mistake: Mistake): void;
  /** From now on errors below the path are consequences of one that was reported, and dropped. */
  close(path: Path): void;
  /** Nothing prints the value at the path. */
  hide(path: Path): void;
  /** How many errors there are so far. */
  count(): number;
  /** Remembers where a node stands. */
  place(path: Path, place: Place): void;
  /** Where each value stands, by the text of its path. */
  ranges(): ReadonlyMap<string, Range>;
  /** All of it, in the order of the file. */
  diagnostics(): Diagnostic[];
}

interface Found extends Mistake {
  severity: Diagnostic["severity"];
  path: string;
  span: Span;
  hidden: boolean;
}

export function collectProblems(file: string, text: string): Problems {
  const lines = linesOf(text);
  const places = new Map<string, Place>();
  const found: Found[] = [];
  const reported = new Set<string>();
  const closed = new Set<string>();
  const hidden: Span[] = [];
  let errors = 0;

  function spanOf(path: Path, at: "key" | "value"): Span {
    const place = places.get(pathText(path));
    if (place) return at === "key" ? (place.key ?? place.value) : place.value;
    // Something is missing: its nearest parent is shown, by its key where it has one.
    for (let length = path.length - 1; length > 0; length--) {
      const parent = places.get(pathText(path.slice(0, length)));
      if (parent) return parent.key ?? [parent.value[0], parent.value[0]];
    }
    const root = places.get("");
    return root ? [root.value[0], root.value[0]] : [0, 0];
  }

  function isClosed(path: Path): boolean {
    if (closed.size === 0) return false;
    return path.some((_, index) => closed.has(pathText(path.slice(0, index + 1))));
  }

  function add(severity: Diagnostic["severity"], path: Path, mistake: Mistake, placing: Placing): void {
    const at = placing.at ?? "value";
    const mark = `${at} ${pathText(path)}`;
    if (severity === "error") {
      if (isClosed(path) || (reported.has(mark) && !placing.also)) return;
      reported.add(mark);
      errors++;
    }
    const span = spanOf(path, at);
    if (placing.hidden) hidden.push(span);
    found.push({ ...mistake, severity, path: pathText(path), span, hidden: placing.hidden ?? false });
  }

  function diagnosticOf({ severity, path, message, mend, span, hidden: isHidden }: Found): Diagnostic {
    const excerpt = lines.excerptOf(span, hidden);
    const offending = excerpt.text.slice(excerpt.from, excerpt.to);
    const range = lines.rangeOf(span);
    return { severity, file, range, path, message, mend, ...(isHidden || offending === "" ? {} : { text: offending }), excerpt };
  }

  return {
    error: (path, mistake, placing = {}) => add("error", path, mistake, placing),
    warning: (path, mistake, placing = {}) => add("warning", path, mistake, placing),
    errorAt: (span, mistake) => {
      errors++;
      found.push({ ...mistake, severity: "error", path: "", span, hidden: false });
    },
    close: (path) => void closed.add(pathText(path)),
    hide: (path) => {
      const place = places.get(pathText(path));
      if (place) hidden.push(place.value);
    },
    count: () => errors,
    place: (path, place) => void places.set(pathText(path), place),
    ranges: () => new Map([...places].map(([path, place]) => [path, lines.rangeOf(place.value)])),
    diagnostics: () => found.toSorted((a, b) => a.span[0] - b.span[0]).map(diagnosticOf),
  };
}
