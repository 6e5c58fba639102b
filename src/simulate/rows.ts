/** A line of a file of observations as keys and values; what is null or empty is left out. */
export type Row = Readonly<Record<string, unknown>>;

/** The keys that a line may have, in the order in which a ledger's export writes them. */
export const COLUMNS = [
  "series",
  "from",
  "at",
  "look",
  "stage",
  "metric",
  "group",
  "segment",
  "events",
  "total",
  "count",
  "sum",
  "sumSquares",
  "buckets",
  "value",
  "values",
  "users",
  "mixed",
  "before",
  "status",
  "flag",
  "reason",
] as const;

const NUMBERS = new Set<string>(["events", "total", "count", "sum", "sumSquares", "value", "users"]);
const JSON_CELLS = new Set<string>(["buckets", "values", "mixed"]);

/** What reads the lines of one file: JSONL where the first begins with a brace, else CSV whose first line names the columns. */
export interface RowReader {
  /** A row; nothing for an empty line and for the names of the columns; a text says what is wrong with the line. */
  read(line: string): Row | string | undefined;
}

export function rowReader(): RowReader {
  let header: readonly string[] | "jsonl" | undefined;
  return {
    read(text) {
      const line = header === undefined ? text.replace(/^\uFEFF/, "") : text;
      if (line.trim() === "") return undefined;
      if (header === undefined) {
        if (!line.trimStart().startsWith("{")) {
          const names = cellsOf(line);
          header = names?.map((name) => name.trim());
          return header ? wrongHeader(header) : NOT_CLOSED;
        }
        header = "jsonl";
      }
      return header === "jsonl" ? fromJson(line) : fromCells(header, line);
    },
  };
}

const NOT_CLOSED = "a quoted cell does not end on its line";

function wrongHeader(names: readonly string[]): string | undefined {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `the column "${twice}" is there twice`;
  return names.includes("at")
    ? undefined
    : `the first line is neither an object ({"at":…}) nor the names of CSV columns: none of them is "at"`;
}

function fromJson(line: string): Row | string {
  let row: unknown;
  try {
    row = JSON.parse(line);
  } catch (error) {
    return `it is not JSON: ${(error as Error).message}`;
  }
  if (typeof row !== "object" || row === null || Array.isArray(row)) return "it is JSON, but no object";
  return Object.values(row).includes(null) ? Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null)) : (row as Row);
}

function fromCells(header: readonly string[], line: string): Row | string {
  const cells = cellsOf(line);
  if (!cells) return NOT_CLOSED;
  if (cells.length !== header.length) return `it has ${cells.length} cells, and the first line names ${header.length} columns`;
  const row: Record<string, unknown> = {};
  for (const [index, cell] of cells.entries()) if (cell !== "") row[header[index]!] = valueOf(header[index]!, cell);
  return row;
}

/** What a cell says; one that is not what its column asks for stays text, which whoever reads the row complains of. */
function valueOf(column: string, cell: string): unknown {
  if (NUMBERS.has(column)) return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell.trim()) ? Number(cell) : cell;
  if (!JSON_CELLS.has(column)) return cell;
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}

/** The cells of a line (RFC 4180, but that none goes on in the next line); nothing where a quote is not closed. */
function cellsOf(line: string): string[] | undefined {
  if (!line.includes('"')) return line.split(",");
  const cells: string[] = [];
  for (let at = 0; at <= line.length; at++) {
    if (line[at] !== '"') {
      const comma = line.indexOf(",", at);
      const end = comma < 0 ? line.length : comma;
      cells.push(line.slice(at, end));
      at = end;
      continue;
    }
    let cell = "";
    let from = at + 1;
    for (;;) {
      const quote = line.indexOf('"', from);
      if (quote < 0) return undefined;
      cell += line.slice(from, quote);
      at = quote + 1;
      if (line[at] !== '"') break;
      cell += '"';
      from = at + 1;
    }
    if (at < line.length && line[at] !== ",") return undefined;
    cells.push(cell);
  }
  return cells;
}
