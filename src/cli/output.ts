import { progressOf } from "../report/progress.ts";
import { colourStyle, plainStyle, type Style } from "../report/style.ts";
import type { Note } from "../app.ts";

/** Where a command's words go: data to stdout, talk to stderr. Everything passes the redactor on its way. */
export interface Output {
  /** The style of data, and of talk: each has colour only where a terminal shows it. */
  readonly style: Style;
  readonly talkStyle: Style;
  /** Whether somebody is there to be asked. */
  readonly interactive: boolean;
  data(text: string): void;
  /** A line of talk. */
  talk(line: string): void;
  /** Shows what happens while a command works. */
  progress(note: Note): void;
  /** Ends what `progress` has on the screen. */
  quiet(): void;
  /** Why data could not be written, if so: a full disk, not somebody who has read enough. */
  failure(): string | undefined;
  /** From now on all text passes this function first. */
  redactWith(redact: (text: string) => string): void;
  /** A text as it would be written, for what leaves another way. */
  redacted(text: string): string;
}

/** Only what is used of `process`, so that tests can hand in another. */
export type Streams = Pick<NodeJS.Process, "stdout" | "stderr" | "stdin" | "env">;

export function processOutput({ stdout, stderr, stdin, env }: Streams): Output {
  let redact = (text: string) => text;
  let failure: string | undefined;
  // Whoever reads our output may go away; the work goes on without them.
  stderr.on("error", () => undefined);
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") failure = error.message;
  });
  const status = statusLine(stderr, env);
  const talkStyle = styleFor(stderr, env);
  const output: Output = {
    style: styleFor(stdout, env),
    talkStyle,
    interactive: Boolean(stdin.isTTY && stderr.isTTY) && !isSet(env["CI"]),
    data(text) {
      status.clear();
      stdout.write(redact(text));
    },
    talk(line) {
      status.clear();
      stderr.write(`${redact(line)}\n`);
    },
    progress(note) {
      const shown = progressOf(note, talkStyle);
      if ("line" in shown) output.talk(shown.line);
      else status.show(redact(shown.status), shown.key);
    },
    quiet: () => status.clear(),
    failure: () => failure,
    redactWith(next) {
      redact = next;
    },
    redacted: (text) => redact(text),
  };
  return output;
}

/** The line at the bottom that is overwritten; without a terminal it is a line of its own whenever it says something new. */
function statusLine(stream: Streams["stderr"], env: Streams["env"]) {
  const live = Boolean(stream.isTTY) && !isSet(env["CI"]) && env["TERM"] !== "dumb";
  let last: string | undefined;
  let onScreen = false;
  return {
    show(text: string, key: string) {
      if (live) {
        const columns = stream.columns || 80;
        stream.write(`\r\u001B[2K${cut(text, columns - 1)}`);
        onScreen = true;
      } else if (key !== last) {
        stream.write(`${text}\n`);
        last = key;
      }
    },
    clear() {
      if (onScreen) stream.write("\r\u001B[2K");
      onScreen = false;
    },
  };
}

function cut(text: string, columns: number): string {
  const characters = [...text];
  return characters.length <= columns ? text : `${characters.slice(0, Math.max(0, columns - 1)).join("")}…`;
}

/** `NO_COLOR` (no-color.org) wins over `FORCE_COLOR`, and both over what the stream is. */
function styleFor(stream: { isTTY?: boolean }, env: Streams["env"]): Style {
  if (isSet(env["NO_COLOR"])) return plainStyle;
  const forced = env["FORCE_COLOR"];
  if (forced !== undefined) return forced === "0" || forced === "false" ? plainStyle : colourStyle;
  return stream.isTTY && env["TERM"] !== "dumb" && !isSet(env["CI"]) ? colourStyle : plainStyle;
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== "" && text !== "false" && text !== "0";
}
