/** Hides secrets in text, also where something encoded them on the way. */
export interface Redactor {
  /** From now on hides `secret`. One shorter than 4 characters is not hidden: it would be found everywhere by chance. */
  add(secret: string): void;
  /** The text with every secret replaced. Redact before a text is cut: half a secret is not found. */
  redact(text: string): string;
}

const SHORTEST = 4;
const HIDDEN = "[secret]";
/** A line of a longer secret, such as a key in PEM form, that is long enough to be one by itself. */
const SHORTEST_LINE = 16;

/** A redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const forms = new Set<string>();
  const cores = new Set<string>();
  let pattern: RegExp | undefined;
  return {
    add(secret) {
      for (const value of [secret, ...secret.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE)]) {
        if (value.length < SHORTEST) continue;
        for (const form of encodedForms(value)) forms.add(form);
        for (const core of base64Cores(value)) cores.add(core);
      }
      // The longest first: a secret may be part of another.
      const alternatives = [...forms].sort((a, b) => b.length - a.length).map((form) => form.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
      pattern = alternatives.length > 0 ? new RegExp(alternatives.join("|"), "g") : undefined;
    },
    redact(text) {
      // First within base64: whole runs vanish, so that a name before a password does not stay readable in part.
      let hidden = text;
      for (const core of cores) hidden = hideRuns(hidden, core);
      return pattern ? hidden.replace(pattern, HIDDEN) : hidden;
    },
  };
}

function encodedForms(secret: string): string[] {
  const wellFormed = Buffer.from(secret).toString(); // Half a surrogate pair cannot be URI-encoded.
  const uri = encodeURIComponent(wellFormed);
  const form = new URLSearchParams({ v: secret }).toString().slice(2);
  const json = JSON.stringify(secret).slice(1, -1);
  const lowerHex = (text: string) => text.replace(/%[0-9A-F]{2}/g, (escape) => escape.toLowerCase());
  const html = secret
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
  const bytes = Buffer.from(secret);
  return [
    secret,
    uri,
    lowerHex(uri),
    encodeURI(wellFormed),
    form,
    lowerHex(form),
    json,
    html,
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
  ];
}

/**
 * The characters that base64 always has for the secret, wherever it begins inside a longer text (`user:password`): at
 * each of the three offsets, those that depend on the secret's bytes alone.
 */
function base64Cores(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap((offset) => {
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    const core = encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
    return [core, core.replaceAll("+", "-").replaceAll("/", "_"), encodeURIComponent(core)];
  });
}

function hideRuns(text: string, core: string): string {
  let result = "";
  let done = 0;
  for (let found = text.indexOf(core); found !== -1; found = text.indexOf(core, done)) {
    let start = found;
    while (start > done && /[A-Za-z0-9+/_-]/.test(text[start - 1]!)) start--;
    let end = found + core.length;
    while (end < text.length && /[A-Za-z0-9+/_=-]/.test(text[end]!)) end++;
    result += text.slice(done, start) + HIDDEN;
    done = end;
  }
  return result + text.slice(done);
}
