import { openVoucher, readPublicKeys, RolloutError, verifyLedger } from "../../app.ts";
import { verificationView } from "../../report/verification.ts";
import type { Verification } from "../../report/log.schema.ts";
import type { Cli, Globals } from "../context.ts";
import { choose, open, unknownLedger } from "../target.ts";

interface VerifyOptions extends Globals {
  head?: string;
  replay?: boolean;
  key?: string[];
}

/** `rollout log verify PLAN|NAME [--head HASH] [--replay] [--key FILE]`: 7 when something is not as it was written, or nobody vouches for it. */
export async function verify(cli: Cli, target: string, options: VerifyOptions): Promise<number> {
  const { engine } = open(cli, options);
  const { name } = await choose(cli, target);
  const { head, replay = false } = options;
  if (head !== undefined && !/^[0-9a-f]{64}$/.test(head)) {
    throw new RolloutError("usage", "--head is not a hash", { hint: "Give all 64 hex digits, as every change prints them after `head`." });
  }
  const voucher = openVoucher(name, options.key && (await readPublicKeys(options.key, cli)));
  const found = await verifyLedger(engine.store, name, { replay, look: voucher.look, ...(head !== undefined && { head }) });
  if (head !== undefined && !found.given) throw cutOff(name, head);
  if (!found.head) throw unknownLedger(name, engine.store);
  const signatures = voucher.result(found.given?.seq);
  const report: Verification = {
    schema: "rollout.log-verify/1",
    rollout: name,
    ...found,
    head: found.head,
    ...(signatures && { signatures }),
  };
  cli.output.data(options.json ? `${JSON.stringify(report)}\n` : verificationView(report, cli.output.style));
  return 0;
}

function cutOff(name: string, head: string): RolloutError {
  return new RolloutError(
    "damaged",
    `ledger ${name}: no entry has the hash ${head.slice(0, 12)}…; its tail was cut off, or it was written anew`,
    {
      hint: "Compare with a copy of the ledger from when that head was printed.",
    },
  );
}
