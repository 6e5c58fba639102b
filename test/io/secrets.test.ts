import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RolloutError } from "../../src/errors.ts";
import { createRedactor } from "../../src/io/redact.ts";
import { secretReader, type SecretPlaces } from "../../src/io/secrets.ts";

let root: string;
let folder: string;
let secretsDirectory: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "rollout-secrets-"));
  folder = join(root, "plans");
  secretsDirectory = join(root, "run");
  mkdirSync(join(folder, "sub", ".git"), { recursive: true });
  mkdirSync(join(secretsDirectory, "..data"), { recursive: true });
  writeFileSync(join(root, "outside"), "outside-value");
  writeFileSync(join(root, "plans-twin"), "outside-value");
  writeFileSync(join(folder, "token"), "from-the-folder\n");
  writeFileSync(join(folder, "empty"), "\n");
  writeFileSync(join(folder, "large"), "x".repeat(64 * 1024 + 1));
  writeFileSync(join(folder, "sub", ".git", "config"), "extraheader = AUTHORIZATION: basic abc");
  writeFileSync(join(secretsDirectory, "..data", "token"), "from-the-mount\r\n");
  symlinkSync("..data/token", join(secretsDirectory, "token"));
  symlinkSync(join(root, "outside"), join(folder, "link"));
  symlinkSync(root, join(folder, "up"));
  execFileSync("mkfifo", [join(folder, "pipe")]);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function reader(places: Partial<SecretPlaces> = {}) {
  const redactor = createRedactor();
  return { redactor, reveal: secretReader({ env: {}, ci: false, folder, redactor, ...places }) };
}

function failure(run: () => string): RolloutError {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(RolloutError);
    expect((error as RolloutError).code).toBe("usage");
    return error as RolloutError;
  }
  throw new Error("it was revealed");
}

describe("a variable", () => {
  test("is revealed, and hidden from then on", () => {
    const { reveal, redactor } = reader({ env: { TOKEN: "abcdef" } });
    expect(redactor.redact("abcdef")).toBe("abcdef");
    expect(reveal({ from: "env", name: "TOKEN" })).toBe("abcdef");
    expect(redactor.redact("abcdef")).toBe("[secret]");
  });

  test.each([
    [{}, "not set"],
    [{ TOKEN: "" }, "empty"],
  ])("that is missing in %j is named", (env, message) => {
    const error = failure(() => reader({ env }).reveal({ from: "env", name: "TOKEN" }));
    expect(error.message).toBe(`\${env:TOKEN} is ${message}`);
    expect(error.hint).toContain("TOKEN");
  });

  test("is revealed in CI only when ROLLOUT_ENV lists it", () => {
    const env = { TOKEN: "abcdef", OTHER: "secret-value", ROLLOUT_ENV: "ONE, TOKEN TWO" };
    const { reveal } = reader({ env, ci: true });
    expect(reveal({ from: "env", name: "TOKEN" })).toBe("abcdef");
    const error = failure(() => reveal({ from: "env", name: "OTHER" }));
    expect(error.message).toContain("${env:OTHER} may not be read");
    expect(error.hint).toContain('ROLLOUT_ENV="ONE TOKEN TWO OTHER"');
    expect(`${error.message}${error.hint}`).not.toContain("secret-value");
  });
});

describe("a file", () => {
  test("below the plan's folder is revealed without its last line break", () => {
    expect(reader().reveal({ from: "file", name: "token" })).toBe("from-the-folder");
    expect(reader().reveal({ from: "file", name: "sub/../token" })).toBe("from-the-folder");
  });

  test("below the secrets directory comes first, and may be a link inside it", () => {
    const { reveal } = reader({ secretsDirectory });
    expect(reveal({ from: "file", name: "token" })).toBe("from-the-mount");
    expect(reveal({ from: "file", name: join(secretsDirectory, "token") })).toBe("from-the-mount");
    expect(reveal({ from: "file", name: join(folder, "token") })).toBe("from-the-folder");
  });

  test.each([
    ["../outside", "leads out"],
    ["../plans-twin", "leads out"],
    ["/etc/hostname", "leads out"],
    ["link", "leads out"],
    ["up/outside", "leads out"],
    ["sub/.git/config", "leads out"],
    [".", "leads out"],
    ["sub", "not a regular file"],
    ["pipe", "not a regular file"],
    ["/dev/zero", "leads out"],
    ["large", "larger than 64 KB"],
    ["empty", "is empty"],
    ["none", "does not exist"],
  ])("such as %s is refused", (name, message) => {
    const error = failure(() => reader().reveal({ from: "file", name }));
    expect(error.message).toContain(`\${file:${name}}`);
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("outside-value");
  });
});

describe("variables that are for rollout alone", () => {
  const names = ["ROLLOUT_SIGNING_KEY", "ROLLOUT_ID_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"];
  const env = {
    ...Object.fromEntries(names.map((name) => [name, "value-of-ours"])),
    ROLLOUT_ENV: names.join(" "),
    OTHER: "value-of-theirs",
  };

  test.each(names)("%s is given to no adapter, whatever is listed", (name) => {
    for (const ci of [true, false]) {
      const { message, hint } = failure(() => reader({ env, ci }).reveal({ from: "env", name }));
      expect(message).toContain(`\${env:${name}} may not be read: it is for rollout alone`);
      expect(message + hint).not.toContain("value-of-ours");
    }
  });

  test("the signing key is given to what signs, also in CI without a list; nothing else of theirs is", () => {
    const signing = reader({ env: { ...env, ROLLOUT_ENV: "" }, ci: true, signing: true });
    expect(signing.reveal({ from: "env", name: "ROLLOUT_SIGNING_KEY" })).toBe("value-of-ours");
    expect(signing.redactor.redact("value-of-ours")).toBe("[secret]");
    expect(failure(() => signing.reveal({ from: "env", name: "ROLLOUT_ID_TOKEN" })).message).toContain("may not be read");
    expect(failure(() => signing.reveal({ from: "env", name: "OTHER" })).message).toContain("ROLLOUT_ENV");
  });
});
