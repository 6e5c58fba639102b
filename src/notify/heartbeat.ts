import { messageOf, RolloutError } from "../errors.ts";
import type { Tools } from "../io/port.ts";
import { parseSecret } from "../model/secret.ts";
import type { Heartbeat } from "./port.ts";

/** It must not hold up the next look, in milliseconds. */
const DEADLINE = 5_000;
/** What a monitor answers is not read; this is enough for any "OK". */
const MOST_BYTES = 64 * 1024;

/**
 * Calls an address with GET, as the services that watch cron jobs expect it.
 *
 * @param heartbeat the address, or a reference to it: whoever knows it can keep a monitor quiet, so it is often a secret
 */
export function httpHeartbeat(heartbeat: string, { http, reveal, redact }: Pick<Tools, "http" | "reveal" | "redact">): Heartbeat {
  return {
    async beat() {
      const reference = parseSecret(heartbeat);
      const url = reference ? reveal(reference).trim() : heartbeat;
      const response = await http
        .send({ method: "GET", url, headers: { "user-agent": "rollout" }, deadline: DEADLINE, maxBytes: MOST_BYTES })
        .catch((error: unknown) => {
          throw new RolloutError("unreachable", redact(withoutAddress(messageOf(error), url)));
        });
      if (response.status < 200 || response.status > 299) {
        throw new RolloutError("unreachable", `its address answered with status ${response.status}`);
      }
    },
  };
}

/** An error of HTTP begins with the address up to its query, and of these addresses the path is the secret. */
function withoutAddress(message: string, url: string): string {
  if (!URL.canParse(url)) return message;
  const { protocol, host, pathname } = new URL(url);
  return message.replaceAll(`GET ${protocol}//${host}${pathname}`, "its address");
}
