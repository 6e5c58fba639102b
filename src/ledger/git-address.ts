import { resolve } from "node:path";
import { RolloutError } from "../errors.ts";

/** What a person named after `git:`: a remote of the checkout, or where a repository is. */
export type GitAddress = { kind: "remote"; name: string } | { kind: "place"; place: string };

/** Where git goes, without what a password could be read from. */
export interface GitPlace {
  /** As git takes it: a URL, `user@host:path`, or an absolute path. */
  url: string;
  isPath: boolean;
  /** What the URL said before its host. It is handed to git through the environment: what a program is called with, all can read. */
  login?: { username: string; password: string };
}

const SCHEMES = ["https", "http", "ssh", "git", "file"];
const HINT =
  "Name a remote of this repository (git:origin), or where one is: git:https://host/team.git, git:user@host:team.git, git:./team.git.";

/**
 * Understands what stands after `git:` in a store's address. Throws `RolloutError` (`usage`) for what is no address, for
 * one that would make git run a program (`ext::…`), and for one with a password: it would be shown wherever the store is
 * named.
 *
 * @param folder what a path is relative to
 */
export function parseGitAddress(text: string, folder: string): GitAddress {
  // `git://host/team.git` is an address of git itself.
  const named = text.startsWith("//") ? `git:${text}` : text;
  if (/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(named)) return { kind: "remote", name: named };
  const { url, login } = gitPlaceOf(named, folder);
  if (login && login.password !== "") {
    throw new RolloutError("usage", "the store's address has a password in it, which everybody who sees the address could read", {
      hint: "Leave it out, and let git find it: with a credential helper, or in the address of a remote (git:origin).",
    });
  }
  return { kind: "place", place: login ? named : url };
}

/** Where git goes for an address, as it is written or as git's settings say. Throws `RolloutError` (`usage`) like `parseGitAddress`. */
export function gitPlaceOf(text: string, folder: string): GitPlace {
  const refuse = (why: string) =>
    new RolloutError("usage", `${withoutLogin(text).slice(0, 200)} is not where a ledger can be: ${why}`, { hint: HINT });
  if (text === "" || text.startsWith("-") || /\p{Cc}/u.test(text)) throw refuse("it is no address");
  if (/^[A-Za-z0-9+.-]*::/.test(text)) throw refuse("it would make git run a program");
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) {
    if (!SCHEMES.includes(scheme)) throw refuse(`git is asked for nothing but ${SCHEMES.join(", ")}`);
    return fromUrl(scheme, text, refuse);
  }
  const [host, path] = splitScp(text);
  if (host === undefined) return { url: resolve(folder, text), isPath: true };
  if (host.startsWith("-") || host.includes("@-") || path.startsWith("-")) throw refuse("it would be taken for an option");
  return { url: text, isPath: false };
}

function fromUrl(scheme: string, text: string, refuse: (why: string) => RolloutError): GitPlace {
  if (scheme === "file") return { url: text, isPath: true };
  const [, start = "", authority = "", path = ""] = /^([^/]+\/\/)([^/]*)(.*)$/s.exec(text) ?? [];
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  if (host === "") throw refuse("it names no host");
  if (host.startsWith("-") || authority.startsWith("-")) throw refuse("it would be taken for an option");
  if (at <= 0) return { url: `${start}${host}${path}`, isPath: false };
  const [username = "", password = ""] = authority.slice(0, at).split(/:(.*)/s).map(decoded);
  if (scheme === "http" || scheme === "https") return { url: `${start}${host}${path}`, isPath: false, login: { username, password } };
  if (password !== "") throw refuse(`${scheme} takes no password from an address`);
  return { url: text, isPath: false };
}

/** `user@host:path`, as git reads it: a colon before any slash. */
function splitScp(text: string): [host: string | undefined, path: string] {
  const match = /^((?:[^/:@]+@)?(?:\[[^\]/]+\]|[^/:]+)):(.*)$/s.exec(text);
  return match ? [match[1]!, match[2]!] : [undefined, text];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** An address as it may be shown. */
export function withoutLogin(text: string): string {
  return text.replace(/:\/\/[^/]*@/, "://");
}
