import { Socket } from "node:net";
import type { PoolClient } from "pg";
import { RolloutError } from "../errors.ts";
import type { Environment, PostgresPlace } from "./postgres-address.ts";
import { passwordFor } from "./postgres-password.ts";
import { tlsOptions } from "./postgres-tls.ts";

/** Connections that are kept for the next statement; they keep no process alive. */
export interface Pool {
  /** One of them. Throws what the driver throws, or a `RolloutError` (`usage`) for what is not set. */
  connect(): Promise<PoolClient>;
  end(): Promise<void>;
}

const CONNECTIONS = 4;

/** Loads the driver. It is told everything, so that none of its own defaults and variables count. */
export async function openPool(place: PostgresPlace, env: Environment, hide: (secret: string) => void): Promise<Pool> {
  const ssl = await tlsOptions(place);
  const { Pool } = await import("pg");
  const opening = new Set<Socket>();
  const pool = new Pool({
    host: place.host,
    port: place.port,
    database: place.database,
    user: place.user,
    password: async () => {
      const password = await passwordFor(place, env);
      hide(password);
      return password;
    },
    ssl,
    stream: () => {
      const socket = new Socket();
      opening.add(socket);
      return socket.once("close", () => opening.delete(socket));
    },
    fallback_application_name: "rollout",
    connectionTimeoutMillis: place.connectWithin,
    keepAlive: true,
    max: CONNECTIONS,
    allowExitOnIdle: true,
  });
  // A connection that breaks is seen by whoever uses it; one that nobody uses is not missed.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
    opening.clear();
  });
  return {
    async connect() {
      try {
        return await pool.connect();
      } catch (error) {
        // Without a password the driver leaves a server waiting that waits for one, and this process with it.
        if (error instanceof RolloutError) for (const socket of opening) socket.destroy();
        throw error;
      }
    },
    end: () => pool.end(),
  };
}
