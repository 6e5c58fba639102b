import { z } from "zod";

/**
 * A schema for what has the shape of `example`: the same keys, lists of the same length, finite numbers. A test's memory
 * comes from a ledger, where anybody may have written anything.
 */
export function shapedLike<Memory>(example: Memory): z.ZodType<Memory> {
  return schemaOf(example) as unknown as z.ZodType<Memory>;
}

function schemaOf(example: unknown): z.ZodType {
  if (typeof example === "number") return z.number();
  if (Array.isArray(example)) return z.array(schemaOf(example[0] ?? 0)).length(example.length);
  const entries = Object.entries(example as object).map(([key, value]) => [key, schemaOf(value)] as const);
  return z.strictObject(Object.fromEntries(entries));
}

/** A memory from a ledger; nothing when it does not fit. */
export function fitting<Memory>(schema: z.ZodType<Memory>, stored: unknown): Memory | undefined {
  return z.safeParse(schema, stored).data;
}
