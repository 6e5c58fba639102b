import { execFileSync } from "node:child_process";
import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openFiles } from "../../src/io/files.ts";
import type { Files } from "../../src/io/port.ts";
import { failure } from "../support/failure.ts";

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof fs>();
  return { ...real, open: vi.fn(real.open), rename: vi.fn(real.rename) };
});
const real = await vi.importActual<typeof fs>("node:fs/promises");

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const limit = { maxBytes: 1_000 };

let top: string;
let files: Files;
beforeEach(async () => {
  top = await fs.realpath(await fs.mkdtemp(join(tmpdir(), "rollout-files-")));
  await fs.mkdir(join(top, "root/plans/rings"), { recursive: true });
  await fs.mkdir(join(top, "outside"));
  await fs.writeFile(join(top, "outside/secret"), "secret");
  await fs.writeFile(join(top, "root/flags.json"), "root");
  await fs.writeFile(join(top, "root/plans/flags.json"), "plans");
  files = openFiles({ folder: join(top, "root/plans"), root: join(top, "root") });
});
afterEach(async () => {
  vi.clearAllMocks();
  vi.mocked(fs.open).mockImplementation(real.open);
  vi.mocked(fs.rename).mockImplementation(real.rename);
  await fs.rm(top, { recursive: true });
});

const readText = async (path: string): Promise<string | undefined> => {
  const content = await files.read(path, limit);
  return content && new TextDecoder().decode(content);
};
describe("a path", () => {
  test("is relative to the folder, and may go up within the root", async () => {
    expect(await readText("flags.json")).toBe("plans");
    expect(await readText("./rings/../flags.json")).toBe("plans");
    expect(await readText("../flags.json")).toBe("root");
    await files.replace("../flags.json", bytes("changed"));
    expect(await readText("../flags.json")).toBe("changed");
  });

  test("of no file is nothing, and can be written", async () => {
    expect(await readText("none.json")).toBeUndefined();
    expect(await readText("none/none.json")).toBeUndefined();
    expect(await readText("flags.json/none.json")).toBeUndefined();
    await files.replace("none.json", bytes("new"));
    expect(await readText("none.json")).toBe("new");
  });

  test.each([
    ["that is absolute", "/etc/passwd"],
    ["that is empty", ""],
    ["with a zero byte", "flags.json\0.txt"],
    ["out of the root", "../../outside/secret"],
    ["out of the root to no file", "../../outside/none"],
    ["to a folder beside the root whose name begins alike", "../../root-2/secret"],
    ["to a folder", "rings"],
    ["to the root itself", ".."],
    ["to the parent of the root", "../.."],
  ])("%s is refused", async (_, path) => {
    expect((await failure(files.read(path, limit))).code).toBe("invalidPlan");
    const error = await failure(files.replace(path, bytes("x")));
    expect(error.code).toBe("invalidPlan");
    expect(error.hint).toBeDefined();
  });

  test.each([
    ["a file outside", "../../outside/secret"],
    ["a file outside, absolutely", "OUTSIDE/secret"],
    ["no file outside", "../../outside/none"],
    ["no file inside", "none"],
    ["itself", "link"],
    ["a device", "/dev/zero"],
  ])("that is a link to %s is refused", async (_, to) => {
    await fs.symlink(to.replace("OUTSIDE", join(top, "outside")), join(top, "root/plans/link"));
    for (const action of [() => files.read("link", limit), () => files.replace("link", bytes("x"))]) {
      expect(["invalidPlan", "unreachable"]).toContain((await failure(action())).code);
    }
    expect(await fs.readFile(join(top, "outside/secret"), "utf8")).toBe("secret");
    expect(await fs.readdir(join(top, "outside"))).toEqual(["secret"]);
  });

  test("through a linked folder that leads out is refused, for files that are there and that are not", async () => {
    await fs.symlink(join(top, "outside"), join(top, "root/plans/linked"));
    for (const path of ["linked/secret", "linked/none"]) {
      expect((await failure(files.read(path, limit))).code).toBe("invalidPlan");
      expect((await failure(files.replace(path, bytes("x")))).code).toBe("invalidPlan");
    }
    expect(await fs.readdir(join(top, "outside"))).toEqual(["secret"]);
  });

  test("that is a link within the root is followed, and stays a link", async () => {
    await fs.symlink("../flags.json", join(top, "root/plans/link"));
    expect(await readText("link")).toBe("root");
    await files.replace("link", bytes("changed"));
    expect((await fs.lstat(join(top, "root/plans/link"))).isSymbolicLink()).toBe(true);
    expect(await readText("../flags.json")).toBe("changed");
  });

  test("works where the root itself is behind a link", async () => {
    await fs.symlink(join(top, "root"), join(top, "alias"));
    files = openFiles({ folder: join(top, "alias/plans"), root: join(top, "alias") });
    expect(await readText("flags.json")).toBe("plans");
    await files.replace("new.json", bytes("new"));
    expect(await readText("new.json")).toBe("new");
  });

  test("to a pipe is refused at once", async () => {
    execFileSync("mkfifo", [join(top, "root/plans/pipe")]);
    expect((await failure(files.read("pipe", limit))).code).toBe("invalidPlan");
    expect((await failure(files.replace("pipe", bytes("x")))).code).toBe("invalidPlan");
  });

  test("of a file of the size allowed is read, of a larger one refused", async () => {
    await files.replace("ring.txt", bytes("x".repeat(1_000)));
    expect((await files.read("ring.txt", limit))?.length).toBe(1_000);
    await files.replace("ring.txt", bytes("x".repeat(1_001)));
    expect((await failure(files.read("ring.txt", limit))).code).toBe("invalidPlan");
    await files.replace("ring.txt", bytes("x".repeat(300_000)));
    expect((await files.read("ring.txt", { maxBytes: 1_000_000 }))?.length).toBe(300_000);
  });
});

describe("a replacement", () => {
  const path = () => join(top, "root/plans/flags.json");
  const inFolder = () => fs.readdir(join(top, "root/plans"));

  test("keeps the mode, whatever the umask", async () => {
    for (const mode of [0o600, 0o644, 0o666, 0o755, 0o440]) {
      await fs.chmod(path(), mode);
      await files.replace("flags.json", bytes(`${mode}`));
      expect((await fs.stat(path())).mode & 0o7777).toBe(mode);
    }
  });

  test("is never seen by halves", async () => {
    const contents = ["a", "b"].map((letter) => letter.repeat(400_000));
    await files.replace("flags.json", bytes(contents[0]!));
    let writing = true;
    const seen = new Set<string>();
    const reading = (async () => {
      while (writing) seen.add(await fs.readFile(path(), "utf8"));
    })();
    for (let round = 0; round < 100; round += 1) await files.replace("flags.json", bytes(contents[round % 2]!));
    writing = false;
    await reading;
    expect([...seen].every((content) => contents.includes(content))).toBe(true);
    expect(seen.size).toBe(2);
  });

  test("by several writers at once is one of theirs, and leaves nothing behind", async () => {
    await Promise.all(Array.from({ length: 20 }, (_, writer) => files.replace("flags.json", bytes(`${writer}`.repeat(10_000)))));
    const content = await fs.readFile(path(), "utf8");
    expect(Array.from({ length: 20 }, (_, writer) => `${writer}`.repeat(10_000))).toContain(content);
    expect(await inFolder()).toEqual(["flags.json", "rings"]);
  });

  test("is on the disk before the name points at it, and the name before it returns", async () => {
    const steps: string[] = [];
    vi.mocked(fs.open).mockImplementation(async (...args) => {
      const handle = await real.open(...args);
      const isFolder = (await handle.stat()).isDirectory();
      const sync = handle.sync.bind(handle);
      handle.sync = async () => {
        steps.push(isFolder ? "sync folder" : "sync file");
        await sync();
      };
      return handle;
    });
    vi.mocked(fs.rename).mockImplementation(async (from, to) => {
      steps.push("rename");
      await real.rename(from, to);
    });
    await files.replace("flags.json", bytes("new"));
    expect(steps).toEqual(["sync file", "rename", "sync folder"]);
  });

  test.each([
    ["ENOSPC", "free some space"],
    ["EACCES", "right"],
    ["EROFS", "read-only"],
    ["EIO", "look at the file"],
  ])("that fails with %s while it is written says what to do, and leaves the old file alone", async (code, mend) => {
    vi.mocked(fs.open).mockImplementation(async (...args) => {
      const handle = await real.open(...args);
      handle.writeFile = () => Promise.reject(Object.assign(new Error(`${code}: it failed`), { code }));
      return handle;
    });
    const error = await failure(files.replace("flags.json", bytes("new")));
    expect(error.code).toBe("unreachable");
    expect(error.message).toContain("flags.json");
    expect(error.hint).toContain(mend);
    expect(await readText("flags.json")).toBe("plans");
    expect(await inFolder()).toEqual(["flags.json", "rings"]);
  });

  test("that cannot be renamed leaves nothing behind", async () => {
    vi.mocked(fs.rename).mockRejectedValue(Object.assign(new Error("EBUSY: busy"), { code: "EBUSY" }));
    expect((await failure(files.replace("flags.json", bytes("new")))).hint).toContain("mount its folder");
    expect(await inFolder()).toEqual(["flags.json", "rings"]);
  });

  test("in a folder that does not exist is unreachable", async () => {
    expect((await failure(files.replace("none/flags.json", bytes("x")))).code).toBe("unreachable");
  });

  test("sweeps what a crash left ten minutes ago, and nothing else", async () => {
    const names = [".flags.json.rollout-00.tmp", ".flags.json.rollout-11.tmp", ".other.rollout-00.tmp", ".flags.json.swp"];
    for (const name of names) {
      const left = join(top, "root/plans", name);
      await fs.writeFile(left, "");
      const minutes = name === names[1] ? 9 : 11;
      const then = new Date(Date.now() - minutes * 60_000);
      await fs.utimes(left, then, then);
    }
    await files.replace("flags.json", bytes("new"));
    expect((await inFolder()).filter((name) => name.startsWith("."))).toEqual(names.slice(1).toSorted());
  });

  test("that was killed at any moment leaves the old file or the new one, and is swept later", async () => {
    vi.mocked(fs.rename).mockImplementation(() => new Promise(() => undefined));
    void files.replace("flags.json", bytes("new"));
    await vi.waitFor(() => expect(vi.mocked(fs.rename)).toHaveBeenCalled());
    expect(await fs.readFile(path(), "utf8")).toBe("plans");
    const left = (await inFolder()).find((name) => name.endsWith(".tmp"))!;
    const then = new Date(Date.now() - 11 * 60_000);
    await fs.utimes(join(top, "root/plans", left), then, then);
    vi.mocked(fs.rename).mockImplementation(real.rename);
    await files.replace("flags.json", bytes("newer"));
    expect(await inFolder()).toEqual(["flags.json", "rings"]);
  });
});
