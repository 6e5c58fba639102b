import { createConnection, createServer, type Socket } from "node:net";
import { listen, type Listening } from "./listening.ts";

/**
 * What becomes of bytes on their way: they go `on`; they are `dropped` with all that follows, in silence; or whoever
 * connected is cut off, before they went on (`cut`), after (`cutAfter`) or with so many of them (a number). The server is
 * told nothing then, and goes on with what it has.
 */
export type Fate = "on" | "dropped" | "cut" | "cutAfter" | number;

/** Says it for each piece that comes; what is held back comes later, once the promise resolves. */
export type Decide = (bytes: Buffer) => Fate | Promise<Fate>;

export interface Proxy extends Listening {
  /** How often somebody has connected. */
  readonly connections: number;
  toServer: Decide;
  toClient: Decide;
  /** While it is true, whoever connects is cut off, as whoever was connected is. */
  down: boolean;
}

/** A TCP proxy from loopback to a port of loopback, which does to connections what networks do. */
export async function startProxy(target: number): Promise<Proxy> {
  const clients = new Set<Socket>();
  const upstreams = new Set<Socket>();
  let connections = 0;
  let down = false;
  const server = createServer((client) => {
    clients.add(client);
    client.once("close", () => clients.delete(client));
    if (down) return void client.resetAndDestroy();
    connections++;
    const upstream = createConnection(target, "127.0.0.1").on("error", () => {});
    upstreams.add(upstream);
    upstream.once("close", () => upstreams.delete(upstream));
    const cut = () => {
      client.off("close", left);
      client.resetAndDestroy();
    };
    const left = () => upstream.destroy();
    client.on("close", left);
    upstream.on("close", () => client.destroy());
    pass(client, upstream, (bytes) => proxy.toServer(bytes), cut);
    pass(upstream, client, (bytes) => proxy.toClient(bytes), cut);
  });
  const { port, close } = await listen(server);
  const proxy: Proxy = {
    port,
    get connections() {
      return connections;
    },
    toServer: () => "on",
    toClient: () => "on",
    get down() {
      return down;
    },
    set down(value) {
      down = value;
      if (down) for (const client of clients) client.resetAndDestroy();
    },
    close() {
      for (const upstream of upstreams) upstream.destroy();
      return close();
    },
  };
  return proxy;
}

/** Hands on what comes, piece after piece. */
function pass(from: Socket, to: Socket, decide: Decide, cut: () => void): void {
  let open = true;
  let before = Promise.resolve();
  const inTurn = (work: () => void | Promise<void>) => (before = before.then(work));
  from.on("data", (bytes: Buffer) => {
    void inTurn(async () => {
      if (!open) return;
      const fate = await decide(bytes);
      open = fate === "on";
      if (typeof fate === "number") to.write(bytes.subarray(0, fate));
      else if (fate === "on" || fate === "cutAfter") to.write(bytes);
      if (fate !== "on" && fate !== "dropped") cut();
    });
  });
  from.on("end", () => void inTurn(() => void (open && to.end())));
}
