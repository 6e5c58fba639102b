import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { listen, type Listening } from "./listening.ts";

/** An authority of a company's own. */
export interface Authority {
  /** Its certificate in PEM form. */
  ca: string;
  /** The same as a file. */
  path: string;
  /** Makes a key, and a certificate of somebody by name for some hosts. */
  certify(name: string, hosts: string[]): Certified;
  remove(): void;
}

/** A key and a certificate in PEM form, and the same as files. */
export interface Certified {
  key: string;
  certificate: string;
  keyPath: string;
  path: string;
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

export function makeAuthority(openssl: string): Authority {
  const folder = mkdtempSync(join(tmpdir(), "rollout-ca-"));
  const file = (name: string) => join(folder, name);
  const text = (name: string) => readFileSync(file(name), "utf8");
  const run = (...args: string[]) => execFileSync(openssl, args, { cwd: folder, stdio: "ignore" });
  run("req", "-x509", ...KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=a company");
  return {
    ca: text("ca.pem"),
    path: file("ca.pem"),
    certify(name, hosts) {
      run("req", "-new", ...KEY, "-keyout", `${name}.key`, "-out", "csr", "-subj", `/CN=${name}`);
      writeFileSync(
        file("names"),
        `subjectAltName=${hosts.map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`)).join(",")}\n`,
      );
      const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
      run("x509", "-req", "-in", "csr", "-out", `${name}.pem`, ...sign);
      return { key: text(`${name}.key`), certificate: text(`${name}.pem`), keyPath: file(`${name}.key`), path: file(`${name}.pem`) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** A server with TLS on loopback. */
export function startTlsServer({ key, certificate }: Certified, listener: RequestListener): Promise<Listening> {
  return listen(createTlsServer({ key, cert: certificate }, listener));
}

/** A proxy that opens tunnels by CONNECT, all of them to one port of loopback; it writes down what it was asked for. */
export async function startTunnel(port: number): Promise<Listening & { asked: string[] }> {
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
