import { createConnection, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * What becomes of bytes on their way: they go `on`; they are `dropped` with all that follows, in silence; or whoever
 * connected is cut off, before they went on (`cut`), after (`cutAfter`) or with so many of them (a number). The server is
 * told nothing then, and goes on with what it has.
 */
export type Fate = "on" | "dropped" | "cut" | "cutAfter" | number;

/** Says it for each piece that comes; what is held back comes later, once the promise resolves. */
export type Decide = (bytes: Buffer) => Fate | Promise<Fate>;

export interface Proxy {
  port: number;
  /** How often somebody has connected. */
  readonly connections: number;
  toServer: Decide;
  toClient: Decide;
  /** While it is true, whoever connects is cut off, as whoever was connected is. */
  down: boolean;
  close(): Promise<void>;
}

/** A TCP proxy from loopback to a port of loopback, which does to connections what networks do. */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  let connections = 0;
  let down = false;
  const kept = (socket: Socket, set = sockets) => {
    set.add(socket);
    socket.once("close", () => set.delete(socket)).on("error", () => {});
    return socket;
  };
  const server = createServer((client) => {
    kept(kept(client), clients);
    if (down) return void client.resetAndDestroy();
    connections++;
    const upstream = kept(createConnection(target, "127.0.0.1"));
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
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const proxy: Proxy = {
    port: (server.address() as AddressInfo).port,
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
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
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
