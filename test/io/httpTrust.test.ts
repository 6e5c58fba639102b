import { createServer, type LookupFunction } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { openHttp, type HttpSettings } from "../../src/io/http.ts";
import { makeAuthority, startTlsServer, startTunnel, type Authority, type Certified } from "../support/certificates.ts";
import { listen, type Listening } from "../support/listening.ts";
import { requireProgram } from "../support/programs.ts";
import { atOnce } from "../support/tools.ts";
import { makeScene, planTree } from "../support/scene.ts";

/** Whom a request reaches, and by which way: certificates and proxies. */

const openssl = requireProgram("openssl");

describe.skipIf(!openssl)("a server with a certificate of a company's own", () => {
  let authority: Authority;
  let host: Certified;
  let server: Listening;
  const proxies: Listening[] = [];
  beforeAll(async () => {
    authority = makeAuthority(openssl!);
    host = authority.certify("host", ["flags.internal", "127.0.0.1"]);
    server = await startTlsServer(host, (request, response) => response.end(`${request.method} ${request.headers.host}`));
  });
  afterEach(async () => {
    for (const proxy of proxies.splice(0)) await proxy.close();
  });
  afterAll(async () => {
    await server.close();
    authority.remove();
  });

  const loopback: LookupFunction = (_, { all }, callback) =>
    all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);
  const get = (url: string, ca?: string, settings: Partial<HttpSettings> = {}) =>
    openHttp({ redact: (text) => text, env: {}, signal: new AbortController().signal, lookup: loopback, sleep: atOnce, ...settings }).send({
      method: "GET",
      url,
      deadline: 10_000,
      ca,
    });

  test("is not trusted, and it is said how it would be", async () => {
    const error = await get(`https://127.0.0.1:${server.port}/`).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "unreachable", message: expect.stringContaining("the server's certificate is not trusted") });
    expect(error).toMatchObject({ hint: expect.stringContaining("`ca`") });
  });

  test("is trusted where its authority is named", async () => {
    expect((await get(`https://127.0.0.1:${server.port}/`, authority.ca)).body).toBe(`GET 127.0.0.1:${server.port}`);
  });

  test("is not trusted to be another host", async () => {
    const error = await get(`https://elsewhere.internal:${server.port}/`, authority.ca).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ message: expect.stringContaining("the server's certificate is that of another host") });
  });

  test("is reached by a tunnel through a proxy, with its own certificate seen at the other end", async () => {
    const proxy = await startTunnel(server.port);
    proxies.push(proxy);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${proxy.port}` };
    expect((await get("https://flags.internal/", authority.ca, { env })).body).toBe("GET flags.internal");
    expect(proxy.asked).toEqual(["CONNECT flags.internal:443"]);
    const untrusted = await get("https://flags.internal/", undefined, { env }).catch((caught: unknown) => caught);
    expect(untrusted).toMatchObject({ message: expect.stringContaining("not trusted") });
  });

  test.each([
    ["NO_PROXY", "flags.internal"],
    ["no_proxy", "other.example, .internal"],
    ["NO_PROXY", "*"],
  ])("is reached without the proxy where %s is %s", async (name, value) => {
    const proxy = await startTunnel(server.port);
    proxies.push(proxy);
    const env = { https_proxy: `http://127.0.0.1:${proxy.port}`, [name]: value };
    expect((await get(`https://flags.internal:${server.port}/`, authority.ca, { env })).status).toBe(200);
    expect(proxy.asked).toEqual([]);
  });

  test("is not asked past a proxy that refuses", async () => {
    let connections = 0;
    const proxy = await listen(
      createServer((socket) => {
        connections++;
        socket.destroy();
      }),
    );
    proxies.push(proxy);
    // The second speaks TLS, and no word of CONNECT.
    for (const port of [proxy.port, server.port]) {
      const env = { HTTPS_PROXY: `http://127.0.0.1:${port}` };
      const error = await get("https://flags.internal/", authority.ca, { env }).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ code: "unreachable", hint: expect.stringContaining("HTTPS_PROXY") });
      expect(error).toMatchObject({ message: expect.stringContaining("was not sent: the proxy cut the connection off (tried 4 times)") });
    }
    expect(connections).toBe(4);
  });

  test("is told of a proxy that cannot be one", async () => {
    const error = await get("https://flags.internal/", undefined, { env: { HTTPS_PROXY: "user:pw@proxy:3128" } }).catch(
      (caught: unknown) => caught,
    );
    expect(error).toMatchObject({
      message: expect.stringContaining("the address of the proxy"),
      hint: expect.stringContaining("HTTPS_PROXY"),
    });
    expect(JSON.stringify(error)).not.toContain("pw");
  });

  test("may be a metric source: trusted by NODE_EXTRA_CA_CERTS, or by `ca` in the plan, and not without", async () => {
    const page = 'requests_total{variant="off"} 5000\nerrors_total{variant="off"} 5\n';
    const metrics = await startTlsServer(host, (_, response) => response.end(page));
    proxies.push(metrics);
    const url = `https://127.0.0.1:${metrics.port}`;
    const scene = await makeScene(planTree(url));
    await scene.write("trusting.yaml", planTree(url, { sources: { shop: { type: "openmetrics", url: `${url}/metrics`, ca: "ca.pem" } } }));
    await scene.write("ca.pem", authority.ca);
    const untrusted = await scene.call("metrics", "plan.yaml");
    expect(untrusted.status).toBe(5);
    expect(untrusted.stdout).toContain("certificate is not trusted");
    expect((await scene.rolloutWith({ NODE_EXTRA_CA_CERTS: authority.path }, "metrics", "plan.yaml")).status).toBe(0);
    expect((await scene.call("metrics", "trusting.yaml")).status).toBe(0);
    await scene.write("ca.pem", "-----BEGIN RSA PRIVATE KEY-----\n");
    const wrong = await scene.call("metrics", "trusting.yaml");
    expect(wrong).toMatchObject({ status: 5, stdout: expect.stringContaining("ca.pem (option ca) holds no certificate") });
  });
});
