// The import rule of the house: who may import whom, no circles, and rooms that stay pure. Imports of types count as well.
// Usage: node .config/imports.js [FOLDER], by default src; prints each breach and exits with 1 if there is one.
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "rolldown/utils";

const PORT = /^[a-z]+\/port\.ts$/;

/** What the files of a room may import besides `errors.ts` and, where `own` is not false, the files beside them. The first match counts. */
const rooms = [
  { name: "errors", files: /^errors\.ts$/, may: [] },
  { name: "model", files: /^model\//, may: [] },
  { name: "stats", files: /^stats\//, may: [], pure: true },
  { name: "judge", files: /^judge\//, may: [/^model\//, /^stats\//], pure: true },
  { name: "core", files: /^core\//, may: [/^model\//], pure: true },
  { name: "a port", files: PORT, may: [/^model\//], own: false },
  { name: "plan", files: /^plan\//, may: [/^model\//, PORT, /^core\/exposure\.ts$/] },
  { name: "ledger/chain", files: /^ledger\/(chain|signature)\.ts$/, may: [/^model\//] },
  { name: "io", files: /^io\//, may: [/^model\//] },
  { name: "ledger", files: /^ledger\//, may: [/^model\//] },
  { name: "flags", files: /^flags\//, may: [/^model\//] },
  { name: "metrics", files: /^metrics\//, may: [/^model\//] },
  { name: "notify", files: /^notify\//, may: [/^model\//] },
  { name: "engine", files: /^engine\//, may: [/^core\//, /^judge\//, /^ledger\/(chain|signature)\.ts$/, /^model\//, PORT] },
  { name: "simulate", files: /^simulate\//, may: [/^core\//, /^judge\//, /^stats\//, /^model\//] },
  { name: "report", files: /^report\//, may: [/^core\//, /^model\//] },
  { name: "app", files: /^(app|planFiles|signing|trials)\.ts$/, may: [/^(?!cli\/|demo\/)/] },
  { name: "worker", files: /^worker\.ts$/, may: [/^io\/threads\.ts$/, /^simulate\/jobs\.ts$/] },
  { name: "demo", files: /^demo\//, may: [/^app\.ts$/, /^model\//] },
  { name: "cli", files: /^cli\//, may: [/^app\.ts$/, /^report\//, /^model\//, /^demo\//] },
];

/** The rooms that are wired with real tools; all others know `io` by its types alone. */
const USES_IO = new Set(["io", "app"]);

/** What a pure room may not ask for: time, chance, the process and the outside. */
const IMPURE_GLOBALS = new Set(["process", "performance", "crypto", "fetch", "console", "setTimeout", "setInterval", "setImmediate"]);
const IMPURE_MEMBERS = new Set(["Date.now", "Math.random"]);

const root = process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), "..", "src");
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && /\.[cm]?[jt]sx?$/.test(entry.name))
  .map((entry) =>
    relative(root, join(entry.parentPath ?? entry.path, entry.name))
      .split(sep)
      .join("/"),
  )
  .toSorted();
const modules = new Map(files.map((file) => [file, read(file)]));
const adapters = new Map(
  files
    .filter((file) => /^[a-z]+\/index\.ts$/.test(file))
    .map((file) => [posix.dirname(file), modules.get(file).imports.map(({ to }) => to)]),
);

const breaches = [...files.flatMap(breachesOf), ...circles()];
for (const breach of breaches) console.error(breach);
if (files.length === 0) console.error(`no source files in ${root}`);
if (breaches.length > 0 || files.length === 0) process.exit(1);
console.log(`${files.length} files keep the import rule.`);

/** All imports of a file (static, re-exported, dynamic, of types) and what it uses that a pure room may not. */
function read(file) {
  const text = readFileSync(join(root, file), "utf8");
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file} cannot be parsed: ${errors[0].message}`);
  const imports = [];
  const impurities = [];
  const lineOf = (node) => text.slice(0, node.start).split("\n").length;
  walk(program, (node, parent, key) => {
    const source = node.type === "TSExternalModuleReference" ? node.expression : /Import|^Export/.test(node.type) ? node.source : undefined;
    const specifier = source?.type === "TemplateLiteral" && source.expressions.length === 0 ? source.quasis[0].value.cooked : source?.value;
    if (typeof specifier === "string") {
      const local = specifier.startsWith(".");
      const to = local ? posix.join(posix.dirname(file), specifier) : specifier;
      imports.push({ to, local, line: lineOf(node), types: isOfTypes(node) });
    }
    const impurity = impurityOf(node, parent, key);
    if (impurity) impurities.push({ line: lineOf(node), impurity });
  });
  return { imports, impurities };
}

function isOfTypes(node) {
  if (node.type === "TSImportType" || node.importKind === "type" || node.exportKind === "type") return true;
  const kinds = (node.specifiers ?? []).map((specifier) => specifier.importKind ?? specifier.exportKind);
  return kinds.length > 0 && kinds.every((kind) => kind === "type");
}

function impurityOf(node, parent, key) {
  const isDate = node.callee?.type === "Identifier" && node.callee.name === "Date";
  if (isDate && (node.type === "CallExpression" || node.arguments.length === 0)) return "clock";
  if (node.type === "MemberExpression" && node.object.type === "Identifier") {
    const member = `${node.object.name}.${node.property.name ?? node.property.value}`;
    if (IMPURE_MEMBERS.has(member)) return member;
  }
  const isName = (key === "property" && !parent.computed) || (key === "key" && !parent.computed);
  if (node.type === "Identifier" && !isName && (IMPURE_GLOBALS.has(node.name) || node.name === "globalThis")) return node.name;
  return undefined;
}

function walk(node, visit, parent, key) {
  if (typeof node?.type === "string") visit(node, parent, key);
  const owner = Array.isArray(node) ? parent : node;
  for (const [name, child] of Object.entries(node)) {
    if (child && typeof child === "object") walk(child, visit, owner, Array.isArray(node) ? key : name);
  }
}

function breachesOf(file) {
  const room = rooms.find(({ files: pattern }) => pattern.test(file));
  if (!room) return [`${file}: belongs to no room of the house`];
  const { imports, impurities } = modules.get(file);
  const found = imports.flatMap((each) => {
    const reason = each.local ? breachOf(file, room, each) : outsideBreachOf(room, each.to);
    return reason ? [`${file}:${each.line}: ${reason}`] : [];
  });
  if (room.pure) found.push(...impurities.map(({ line, impurity }) => `${file}:${line}: ${room.name} is pure: no ${impurity}`));
  return found;
}

function breachOf(file, room, { to, types }) {
  if (to === "../package.json" && (room.name === "app" || room.name === "cli")) return undefined;
  if (to.startsWith("../")) return `imports ${to}, which is outside the source`;
  if (!modules.has(to)) return `imports ${to}, which is not there (write the file's full name)`;
  if (to === "errors.ts") return undefined;
  if (to === "io/port.ts" && !types && !USES_IO.has(room.name)) return "may import only types of io/port.ts";
  const folder = posix.dirname(file);
  if (room.own !== false && room.files.test(to)) return breachOfSiblings(file, to);
  const isOwnPort = to === `${folder}/port.ts`;
  const isTypesOfIo = to === "io/port.ts" && ["a port", "ledger", "flags", "metrics", "notify"].includes(room.name);
  if (isOwnPort || isTypesOfIo || room.may.some((pattern) => pattern.test(to))) return undefined;
  return `${room.name} may not import ${to}`;
}

/** Adapters know nothing of each other: only their index imports them, and a helper named after one (`flagd-json.ts`) is its own. */
function breachOfSiblings(file, to) {
  const listed = adapters.get(posix.dirname(to)) ?? [];
  if (posix.basename(file) === "index.ts") return undefined;
  const stemOf = (path) => posix.basename(path, ".ts").split("-")[0];
  const isAdapters = listed.some((adapter) => stemOf(adapter) === stemOf(to) && adapter !== `${posix.dirname(to)}/port.ts`);
  return isAdapters && stemOf(file) !== stemOf(to) ? `${to} belongs to another adapter` : undefined;
}

function outsideBreachOf(room, specifier) {
  if (!room.pure) return undefined;
  const isBuiltin = specifier.startsWith("node:") || builtinModules.includes(specifier);
  return isBuiltin ? `${room.name} is pure: no ${specifier}` : undefined;
}

/** Each circle once, as the way round it. */
function circles() {
  const found = [];
  const done = new Set();
  const way = [];
  const visit = (file) => {
    if (way.includes(file)) found.push(`a circle: ${[...way.slice(way.indexOf(file)), file].join(" → ")}`);
    if (way.includes(file) || done.has(file)) return;
    way.push(file);
    for (const { to, local } of modules.get(file).imports) if (local && modules.has(to)) visit(to);
    way.pop();
    done.add(file);
  };
  for (const file of files) visit(file);
  return found;
}
