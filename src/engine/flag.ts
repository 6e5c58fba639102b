import { messageOf, RolloutError } from "../errors.ts";
import type { FlagReading, FlagSnapshot } from "../model/flag.ts";
import type { Running } from "./context.ts";

/** The live flag, or why it could not be read. */
export async function snapshotFlag({ flag, target }: Running): Promise<FlagSnapshot> {
  try {
    return await flag.read(target);
  } catch (error) {
    if (error instanceof RolloutError && error.code !== "unexpected") return { kind: "unreadable", reason: messageOf(error) };
    throw error;
  }
}

/** Whether a snapshot is a reading. */
export function isRead(snapshot: FlagSnapshot): snapshot is FlagReading {
  return snapshot.kind !== "unreadable";
}
