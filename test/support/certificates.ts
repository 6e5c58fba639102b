import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** An authority of a company's own, and a key and a certificate that it has given to some hosts. */
export interface Authority {
  /** Its certificate in PEM form. */
  ca: string;
  /** The same as a file. */
  path: string;
  key: string;
  certificate: string;
  remove(): void;
}

export function makeAuthority(openssl: string, hosts: string[]): Authority {
  const folder = mkdtempSync(join(tmpdir(), "rollout-ca-"));
  const file = (name: string) => join(folder, name);
  const run = (...args: string[]) => execFileSync(openssl, args, { cwd: folder, stdio: "ignore" });
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  run("req", "-x509", ...curve, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=a company");
  run("req", "-new", ...curve, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=a host");
  writeFileSync(file("names"), `subjectAltName=${hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(",")}\n`);
  const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
  run("x509", "-req", "-in", "host.csr", "-out", "host.pem", ...sign);
  const text = (name: string) => readFileSync(file(name), "utf8");
  return {
    ca: text("ca.pem"),
    path: file("ca.pem"),
    key: text("host.key"),
    certificate: text("host.pem"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export interface Listening {
  port: number;
  close(): Promise<void>;
}

/** A server with TLS on loopback. */
export async function startTlsServer({ key, certificate }: Authority, listener: RequestListener): Promise<Listening> {
  return listen(createTlsServer({ key, cert: certificate }, listener));
}

/** A proxy that opens tunnels by CONNECT, all of them to one port of loopback; it writes down what it was asked for. */
export async function startProxy(port: number): Promise<Listening & { asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on("connect", (request: { url?: string }, socket: Socket) => {
    asked.push(`CONNECT ${request.url}`);
    const onward = connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      socket.pipe(onward).pipe(socket);
    });
    onward.on("error", () => socket.destroy());
    socket.on("error", () => onward.destroy());
    socket.on("close", () => onward.destroy());
  });
  return { asked, ...(await listen(server)) };
}

async function listen(server: ReturnType<typeof createServer> | ReturnType<typeof createTlsServer>): Promise<Listening> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
