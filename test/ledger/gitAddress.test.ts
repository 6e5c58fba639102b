import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { gitPlaceOf, parseGitAddress } from "../../src/ledger/git-address.ts";
import { git } from "../support/git.ts";
import { requireProgram } from "../support/programs.ts";
import { gitWorld, type GitWorld } from "./gitWorld.ts";

describe("what stands after git:", () => {
  test.each([
    ["origin", { kind: "remote", name: "origin" }],
    ["my_fork.2", { kind: "remote", name: "my_fork.2" }],
    ["./team.git", { kind: "place", place: "/work/team.git" }],
    ["../team.git", { kind: "place", place: "/team.git" }],
    ["/srv/team.git", { kind: "place", place: "/srv/team.git" }],
    [".", { kind: "place", place: "/work" }],
    ["https://host/team.git", { kind: "place", place: "https://host/team.git" }],
    ["https://ann@host/team.git", { kind: "place", place: "https://ann@host/team.git" }],
    ["HTTP://host:8080/team", { kind: "place", place: "HTTP://host:8080/team" }],
    ["ssh://git@host:22/team.git", { kind: "place", place: "ssh://git@host:22/team.git" }],
    ["git@host:team.git", { kind: "place", place: "git@host:team.git" }],
    ["host:team.git", { kind: "place", place: "host:team.git" }],
    ["[::1]:team.git", { kind: "place", place: "[::1]:team.git" }],
    ["//host/team.git", { kind: "place", place: "git://host/team.git" }],
    ["git://host/team.git", { kind: "place", place: "git://host/team.git" }],
    ["file:///srv/team.git", { kind: "place", place: "file:///srv/team.git" }],
  ])("%s is understood", (text, expected) => expect(parseGitAddress(text, "/work")).toEqual(expected));

  test.each([
    "",
    "-",
    "--upload-pack=touch x",
    "-oProxyCommand=touch x",
    "ext::sh -c touch% x",
    "ext::sh",
    "fd::3",
    "::x",
    "ssh://-oProxyCommand=x/team",
    "ssh://git@-oProxyCommand=x/team",
    "ssh://-u@host/team",
    "-u@host:team",
    "git@-oProxyCommand=x:team",
    "host:-x",
    "https:///team.git",
    "https://user@/team.git",
    "ftp://host/team.git",
    "gopher://host/x",
    "javascript://x/y",
    "https://host/team\n.git",
    "a\0b/c",
  ])("%j is refused", (text) => {
    expect(() => parseGitAddress(text, "/work")).toThrow(expect.objectContaining({ name: "RolloutError", code: "usage" }));
  });

  test.each([
    "https://ann:s3cret@host/team.git",
    "http://:s3cret@host/",
    "ssh://git:s3cret@host/team.git",
    "ftp://ann:s3cret@host/team.git",
  ])("a password in it is refused, and not repeated: %s", (text) => {
    try {
      parseGitAddress(text, "/work");
    } catch (error) {
      expect(error).toMatchObject({ code: "usage", hint: expect.any(String) });
      expect(`${String(error)} ${(error as { hint: string }).hint}`).not.toContain("s3cret");
      return;
    }
    throw new Error("it was taken");
  });

  test("what a URL says of who we are is told apart from where it leads", () => {
    const place = (text: string) => gitPlaceOf(text, "/work");
    expect(place("https://ann:p%40ss%2F@host/a@b")).toEqual({
      url: "https://host/a@b",
      isPath: false,
      login: { username: "ann", password: "p@ss/" },
    });
    expect(place("https://to:k@en:x@host/")).toMatchObject({ url: "https://host/", login: { username: "to", password: "k@en:x" } });
    expect(place("https://ann@host/a")).toMatchObject({ url: "https://host/a", login: { username: "ann", password: "" } });
    expect(place("https://@host/a")).toEqual({ url: "https://host/a", isPath: false });
    expect(place("ssh://git@host/a")).toEqual({ url: "ssh://git@host/a", isPath: false });
  });
});

describe.skipIf(!requireProgram("git"))("a store that cannot be where it is said to be", () => {
  let world: GitWorld;
  beforeEach(async () => {
    world = await gitWorld();
  });
  afterEach(() => world.remove());

  test("a remote that the checkout does not have: which it has", async () => {
    git(world.checkout, ["remote", "add", "backup", "../backup.git"]);
    await expect(world.open("upstream").list()).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("no remote upstream"),
      hint: expect.stringMatching(/backup.*origin|origin.*backup/),
    });
  });

  test("a remote outside a checkout", async () => {
    await expect(world.open("origin", { cwd: world.folder }).list()).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining("there is none here"),
      hint: expect.stringContaining("git:https://"),
    });
  });

  test.each(["ext::sh -c touch% ran", "-oProxyCommand=touch ran", "ssh://-oProxyCommand=touch ran/x"])(
    "a remote whose address would make git run a program: %s",
    async (url) => {
      git(world.checkout, ["config", "remote.origin.url", url]);
      git(world.checkout, ["config", "protocol.ext.allow", "always"]);
      await expect(world.open().list()).rejects.toMatchObject({ code: "usage" });
      expect(existsSync(join(world.checkout, "ran"))).toBe(false);
    },
  );

  test("a machine whose git is too old", async () => {
    await writeFile(join(world.folder, "git"), "#!/bin/sh\necho git version 2.31.9\n", { mode: 0o755 });
    await expect(world.open("origin", { env: { PATH: `${world.folder}:${world.env["PATH"]}` } }).list()).rejects.toMatchObject({
      code: "unreachable",
      message: "this is git version 2.31.9; a ledger in a git repository needs git 2.32",
    });
  });

  test("a machine without git", async () => {
    await expect(world.open("origin", { env: { PATH: world.folder } }).list()).rejects.toMatchObject({
      code: "unreachable",
      message: "the program git was not found",
      hint: expect.stringContaining("install it here, or add its folder to PATH"),
    });
  });

  test("a place where nothing is", async () => {
    await expect(world.open("./nowhere").read("checkout", 1)).rejects.toMatchObject({
      code: "unreachable",
      message: expect.stringContaining("does not appear to be a git repository"),
    });
  });
});
