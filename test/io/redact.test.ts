import fc from "fast-check";
import { expect, test } from "vitest";
import { createRedactor } from "../../src/io/redact.ts";

const SECRET = `p@ss/w+rd "quoted"\\&<x>é`;

function redacting(...secrets: string[]) {
  const redactor = createRedactor();
  for (const secret of secrets) redactor.add(secret);
  return redactor.redact;
}

const encodings: Record<string, (secret: string) => string> = {
  "as it is": (secret) => secret,
  "in a URL": encodeURIComponent,
  "in a URL, lower case": (secret) => encodeURIComponent(secret).replace(/%../g, (escape) => escape.toLowerCase()),
  "in a form": (secret) => new URLSearchParams({ a: secret }).toString(),
  "in JSON": (secret) => JSON.stringify({ a: secret }),
  "in base64": (secret) => Buffer.from(secret).toString("base64"),
  "in base64url": (secret) => Buffer.from(secret).toString("base64url"),
  "in basic authentication": (secret) => Buffer.from(`admin:${secret}`).toString("base64"),
  "in basic authentication, another offset": (secret) => Buffer.from(`ab:${secret}`).toString("base64"),
  "before others in base64url": (secret) => Buffer.from(`x${secret}:more`).toString("base64url"),
  "in hexadecimal": (secret) => Buffer.from(secret).toString("hex"),
};

test.each(Object.entries(encodings))("a secret is hidden %s", (_, encode) => {
  const text = `before ${encode(SECRET)} after`;
  const redacted = redacting(SECRET)(text);
  expect(redacted).toContain("[secret]");
  expect(redacted).toMatch(/^before .* after$/);
  expect(redacted).not.toContain(encode(SECRET));
});

test("whatever the secret, it is hidden in each of its forms", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 4, unit: "binary" }), fc.constantFrom(...Object.values(encodings)), (secret, encode) => {
      const text = redacting(secret)(`before ${encode(secret)} after`);
      expect(text).toContain("[secret]");
    }),
    { numRuns: 2000 },
  );
});

test("text without a secret stays as it is", () => {
  expect(redacting(SECRET)("nothing here, cGxhaW4gdGV4dA==")).toBe("nothing here, cGxhaW4gdGV4dA==");
  expect(createRedactor().redact("abc")).toBe("abc");
});

test("a secret of fewer than 4 characters is not hidden", () => {
  expect(redacting("abc")("abcabc")).toBe("abcabc");
});

test("of two secrets the longer is hidden whole", () => {
  expect(redacting("token", "token-and-more")("a token-and-more b token c")).toBe("a [secret] b [secret] c");
});

test("each line of a key is hidden", () => {
  const key = "-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQ\nAQH/abcdefghijklmnopqrst\n-----END KEY-----";
  expect(redacting(key)("at MIIBVgIBADANBgkqhkiG9w0BAQ!")).toBe("at [secret]!");
});
