import type { Entry } from "../model/entry.ts";
import { stateSchema, type State } from "../model/state.ts";

/** The form of the state in a checkpoint; another number for another form. */
const FORMAT = 1;

/** So many entries at the most are read to know the state of a ledger. */
const EVERY = 100;

type Checkpoint = NonNullable<Entry["checkpoint"]>;

/** Whether an entry is to carry the state after it: every hundredth, and each that changes the stage or ends the run. */
export function isCheckpointDue(before: State | undefined, after: State): boolean {
  return after.head.seq % EVERY === 0 || (before !== undefined && (before.stage !== after.stage || before.end !== after.end));
}

/** The state as an entry carries it: without its own place in the ledger, of which it cannot know the hash. */
export function checkpointOf({ head: _, checkpointAt: __, ...state }: State): Checkpoint {
  return { format: FORMAT, state };
}

/** Whether this version knows the form of a checkpoint. */
export function isKnownFormat({ format }: Checkpoint): boolean {
  return format === FORMAT;
}

/** The state after an entry that carries a checkpoint; nothing where it has none, or one that this version does not know. */
export function stateAtCheckpoint({ seq, checkpoint }: Entry, hash: string): State | undefined {
  if (!checkpoint || !isKnownFormat(checkpoint)) return undefined;
  return stateSchema.safeParse({ ...checkpoint.state, head: { seq, hash }, checkpointAt: seq }).data;
}
