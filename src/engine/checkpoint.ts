import { isDeepStrictEqual } from "node:util";
import { deflateRawSync, inflateRawSync } from "node:zlib";
import { z } from "zod";
import { MAX_ENTRY_BYTES, type Entry, type Frame } from "../model/entry.ts";
import { stateSchema, type State } from "../model/state.ts";
import { evidenceSchema, type Evidence } from "../model/verdict.ts";

/** The form of the state in a checkpoint; another number for another form. */
const FORMAT = 1;

/** So many entries at the most are read to know the state of a ledger. */
const EVERY = 100;

type Checkpoint = NonNullable<Entry["checkpoint"]>;

/** Whether an entry is to carry the state after it: every hundredth, and each that changes the stage or ends the run. */
export function isCheckpointDue(before: State | undefined, after: State): boolean {
  return after.head.seq % EVERY === 0 || (before !== undefined && (before.stage !== after.stage || before.end !== after.end));
}

/**
 * The state as an entry carries it: without its own place in the ledger, of which it cannot know the hash. What the judge
 * remembers is packed: it is most of it, and only whoever looks wants it.
 */
export function checkpointOf({ head: _, checkpointAt: __, evidence, ...state }: State): Checkpoint {
  return { format: FORMAT, state, evidence: deflateRawSync(JSON.stringify(evidence)).toString("base64") };
}

/**
 * The state after an entry that carries a checkpoint; nothing where it has none, or one that this version does not know.
 *
 * @param withEvidence whether what the judge remembers is wanted; it is empty otherwise
 */
export function stateAtCheckpoint({ seq, checkpoint }: Frame, hash: string, withEvidence: boolean): State | undefined {
  if (!checkpoint || !isKnown(checkpoint)) return undefined;
  const evidence = withEvidence ? unpack(checkpoint.evidence) : {};
  if (!evidence) return undefined;
  return stateSchema.safeParse({ ...checkpoint.state, evidence, head: { seq, hash }, checkpointAt: seq }).data;
}

/** What of a checkpoint is not as the state is, by name; nothing of one that this version does not know. */
export function differences(checkpoint: Checkpoint, state: State, withEvidence: boolean): string[] {
  if (!isKnown(checkpoint)) return [];
  const { state: expected } = JSON.parse(JSON.stringify(checkpointOf(state))) as Checkpoint;
  const names = Object.keys({ ...checkpoint.state, ...expected }).filter((key) => !isDeepStrictEqual(checkpoint.state[key], expected[key]));
  const remembered = JSON.parse(JSON.stringify(state.evidence)) as unknown;
  const isSame = !withEvidence || isDeepStrictEqual(unpack(checkpoint.evidence), remembered);
  return isSame ? names : [...names, "evidence"];
}

function isKnown({ format }: Checkpoint): boolean {
  return format === FORMAT;
}

const remembered = z.record(z.string(), evidenceSchema);

function unpack(evidence: string | undefined): Record<string, Evidence> | undefined {
  try {
    const text = inflateRawSync(Buffer.from(evidence ?? "", "base64"), { maxOutputLength: MAX_ENTRY_BYTES }).toString("utf8");
    return remembered.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
