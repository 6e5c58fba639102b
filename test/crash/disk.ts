import { posix } from "node:path";
import type { Call } from "./strace.ts";

/**
 * A disk as it may be after a power cut, by what POSIX promises and no more: what was written to a file is there once that
 * file was synced, a name is in a folder (or is no more) once that folder was synced, and of all else each effect may be
 * there or not, whatever came before or after it.
 */

/** What is on a disk: the bytes of each file by its path; nothing for a folder. */
export type Image = Map<string, Uint8Array | undefined>;

interface Inode {
  folder: boolean;
  /** What was on the disk from the beginning. */
  bytes: Uint8Array;
}

type Effect = { lasts: boolean } & (
  | { kind: "names"; folder: Inode; names: [name: string, inode: Inode | undefined][] }
  | { kind: "data"; file: Inode; at: number; bytes: Uint8Array }
);

/** What may become of an effect that was not synced. */
const FATES = { names: ["there", "lost"], data: ["there", "lost", "torn", "zeros"] } as const;
type Fate = (typeof FATES)["data"][number];

/** A system call that changes something, or makes it last, and of which this model knows nothing, is an error. */
const WITHOUT_EFFECT = new Set(["fchown", "fchmod"]);

/** Every disk that a power cut can leave after the calls, from what was there before on. */
export function* afterPowerCut(before: Image, calls: readonly Call[]): Generator<Image> {
  const root: Inode = { folder: true, bytes: new Uint8Array() };
  const names = new Map<Inode, Map<string, Inode>>([[root, new Map()]]);
  for (const [path, bytes] of [...before].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const inode = { folder: bytes === undefined, bytes: bytes ?? new Uint8Array() };
    if (inode.folder) names.set(inode, new Map());
    names.get(find(names, root, posix.dirname(path))!)!.set(posix.basename(path), inode);
  }
  const held = new Map([...names].map(([folder, own]) => [folder, new Map(own)]));
  const effects: Effect[] = [];
  for (const call of calls) if (call.done) perform(call, { root, names, effects });

  const open = effects.filter(({ lasts }) => !lasts);
  for (const fates of fatesOf(open)) {
    const fateOf = new Map(open.map((effect, index) => [effect, fates[index]!]));
    const kept = new Map([...held].map(([folder, own]) => [folder, new Map(own)]));
    const contents = new Map<Inode, Buffer>();
    for (const effect of effects) {
      const fate = fateOf.get(effect) ?? "there";
      if (fate === "lost") continue;
      if (effect.kind === "names") {
        const own = kept.get(effect.folder) ?? new Map<string, Inode>();
        kept.set(effect.folder, own);
        for (const [name, inode] of effect.names) {
          if (inode) own.set(name, inode);
          else own.delete(name);
        }
      } else contents.set(effect.file, written(contents.get(effect.file) ?? effect.file.bytes, effect, fate));
    }
    yield imageOf(root, kept, contents);
  }
}

interface Disk {
  root: Inode;
  /** What every folder holds as its processes see it. */
  names: Map<Inode, Map<string, Inode>>;
  effects: Effect[];
}

function perform({ name, paths: [path = "", target = ""], what, content }: Call, { root, names, effects }: Disk): void {
  const folderOf = (of: string) => existing(posix.dirname(of), what);
  const existing = (of: string, for_: string): Inode => {
    const inode = find(names, root, of);
    if (!inode) throw new Error(`${for_}: the model has no ${of}`);
    return inode;
  };
  /** Changes that one folder makes at once. */
  const rename = (folder: Inode, changes: [string, Inode | undefined][]) => {
    for (const [each, inode] of changes) {
      if (inode) names.get(folder)!.set(each, inode);
      else names.get(folder)!.delete(each);
    }
    effects.push({ kind: "names", folder, names: changes, lasts: false });
  };
  const base = posix.basename;
  switch (name) {
    case "mkdir":
    case "openat": {
      if (find(names, root, path)) return;
      const inode = { folder: name === "mkdir", bytes: new Uint8Array() };
      if (inode.folder) names.set(inode, new Map());
      return rename(folderOf(path), [[base(path), inode]]);
    }
    case "pwrite64":
      return void effects.push({ kind: "data", file: existing(path, what), ...content!, lasts: false });
    case "fsync": {
      const synced = existing(path, what);
      for (const effect of effects) if ((effect.kind === "names" ? effect.folder : effect.file) === synced) effect.lasts = true;
      return;
    }
    case "link":
      return rename(folderOf(target), [[base(target), existing(path, what)]]);
    case "rename":
      if (posix.dirname(path) !== posix.dirname(target)) throw new Error(`${what}: from folder to folder is two effects`);
      return rename(folderOf(path), [
        [base(path), undefined],
        [base(target), existing(path, what)],
      ]);
    case "unlink":
      return rename(folderOf(path), [[base(path), undefined]]);
    default:
      if (!WITHOUT_EFFECT.has(name)) throw new Error(`${what}: the model does not know what it does`);
  }
}

function find(names: Map<Inode, Map<string, Inode>>, root: Inode, path: string): Inode | undefined {
  let inode: Inode | undefined = root;
  for (const part of path.split("/").filter((each) => each !== "" && each !== ".")) inode = inode && names.get(inode)?.get(part);
  return inode;
}

/** All ways in which the effects can end, each one of its own. */
function* fatesOf(open: readonly Effect[], index = 0): Generator<Fate[]> {
  const effect = open[index];
  if (!effect) return yield [];
  for (const rest of fatesOf(open, index + 1)) for (const fate of FATES[effect.kind]) yield [fate, ...rest];
}

/** The bytes of a file after a write that came to the disk whole, in its first half, or as nothing but the file's new length. */
function written(before: Uint8Array, { at, bytes }: { at: number; bytes: Uint8Array }, fate: Fate): Buffer {
  const part = fate === "torn" ? bytes.subarray(0, Math.floor(bytes.length / 2)) : fate === "zeros" ? Buffer.alloc(bytes.length) : bytes;
  const after = Buffer.alloc(Math.max(before.length, at + part.length));
  after.set(before);
  after.set(part, at);
  return after;
}

function imageOf(root: Inode, names: Map<Inode, Map<string, Inode>>, contents: Map<Inode, Buffer>): Image {
  const image: Image = new Map();
  const visit = (folder: Inode, path: string) => {
    for (const [name, inode] of names.get(folder) ?? []) {
      const own = path === "" ? name : `${path}/${name}`;
      image.set(own, inode.folder ? undefined : (contents.get(inode) ?? inode.bytes));
      if (inode.folder) visit(inode, own);
    }
  };
  visit(root, "");
  return image;
}
