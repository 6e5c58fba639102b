import { BlockList, isIP, type LookupFunction } from "node:net";
import { Trouble } from "./trouble.ts";

/** Link-local addresses (cloud metadata services hand out credentials there), as themselves and dressed up as IPv6. */
const linkLocal = new BlockList();
linkLocal.addSubnet("169.254.0.0", 16, "ipv4"); // And with it ::ffff:169.254.0.0.
linkLocal.addSubnet("fe80::", 10, "ipv6");
linkLocal.addSubnet("::a9fe:0", 112, "ipv6");
linkLocal.addSubnet("64:ff9b::a9fe:0", 112, "ipv6");
linkLocal.addSubnet("2002:a9fe::", 32, "ipv6");
linkLocal.addAddress("fd00:ec2::254", "ipv6");

/** Throws `Trouble` for a host that is a link-local address; a name is looked at when it is resolved, see `guarded`. */
export function refuseLinkLocal(host: string): void {
  const address = host.replace(/^\[|\]$/g, "").replace(/%.*$/, "");
  const family = isIP(address);
  if (family !== 0 && linkLocal.check(address, family === 6 ? "ipv6" : "ipv4")) {
    throw new Trouble("was refused: the address is link-local, where clouds keep credentials", { code: "invalidPlan" });
  }
}

/** Looks at what a name resolves to at the moment of connecting, when it can no longer change. */
export function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) =>
    lookup(hostname, options, (error, addresses, family) => {
      try {
        if (!error) for (const found of Array.isArray(addresses) ? addresses : [{ address: addresses }]) refuseLinkLocal(found.address);
      } catch (trouble) {
        callback(trouble as Error, "");
        return;
      }
      callback(error, addresses, family);
    });
}
