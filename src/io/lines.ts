import { RolloutError } from "../errors.ts";

/** The most bytes of one line: a file without line breaks must not fill the memory. */
const MOST_BYTES = 1024 * 1024;

/**
 * The lines of a stream of UTF-8, as many at once as arrive at once, without their ends. Throws `RolloutError` (`usage`) for
 * a line that nobody writes.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array | string>, name: string): AsyncGenerator<string[]> {
  const decoder = new TextDecoder();
  let rest = "";
  let line = 1;
  for await (const chunk of chunks) {
    const lines = (rest + (typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true }))).split("\n");
    rest = lines.pop()!;
    line += lines.length;
    if (rest.length > MOST_BYTES) {
      throw new RolloutError("usage", `${name}:${line}: the line has more than ${MOST_BYTES} characters`, {
        hint: "One observation is expected on each line.",
      });
    }
    yield lines.map(withoutReturn);
  }
  rest += decoder.decode();
  if (rest !== "") yield [withoutReturn(rest)];
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
