import { createServer } from "node:net";

/** Where everything of the demo listens. */
export const LOOPBACK = "127.0.0.1";

/** The port that `plans/quickstart.yaml` names. */
export const DEFAULT_PORT = 8459;

/** `preferred` if it is free, else one that the system says is. */
export async function choosePort(preferred: number = DEFAULT_PORT): Promise<number> {
  return (await listensOn(preferred)) ?? (await listensOn(0)) ?? preferred;
}

/** The port on which a server could listen just now; nothing when it could not. */
function listensOn(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, LOOPBACK, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : undefined));
    });
  });
}
