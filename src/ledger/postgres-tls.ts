import { readFile } from "node:fs/promises";
import { checkServerIdentity, type ConnectionOptions } from "node:tls";
import { RolloutError, messageOf } from "../errors.ts";
import type { PostgresPlace } from "./postgres-address.ts";

/**
 * What the driver is told of TLS. It is told all of it: by itself the driver takes every mode for `verify-full`, and
 * checks a host that is an IP address by the name `localhost`.
 */
export async function tlsOptions({ host, tls }: PostgresPlace): Promise<false | ConnectionOptions> {
  if (tls.mode === "disable") return false;
  const root = tls.rootCertificate;
  const files = {
    // `system`: the authorities that everybody's browser trusts.
    ...(root !== undefined && root !== "system" && { ca: await contentOf(root, "PGSSLROOTCERT") }),
    ...(tls.certificate !== undefined && { cert: await contentOf(tls.certificate, "PGSSLCERT") }),
    ...(tls.key !== undefined && { key: await contentOf(tls.key, "PGSSLKEY") }),
  };
  switch (tls.mode) {
    case "require":
      return { ...files, rejectUnauthorized: false };
    case "verify-ca":
      return { ...files, rejectUnauthorized: true, checkServerIdentity: () => undefined };
    case "verify-full":
      return { ...files, rejectUnauthorized: true, checkServerIdentity: (_, certificate) => checkServerIdentity(host, certificate) };
    default:
      return tls satisfies never;
  }
}

async function contentOf(path: string, variable: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new RolloutError("usage", `the store's certificates: ${messageOf(error)}`, {
      cause: error,
      hint: `${variable}, or the parameter of the address that stands for it, names a file in PEM form.`,
    });
  }
}
