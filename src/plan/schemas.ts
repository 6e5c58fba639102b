import type { z } from "zod";

/** Schemas as the reader looks at them. */

export type Schema = z.core.$ZodType;

/** A schema by its kind, so that one from another copy of zod works too. */
export type Kind = z.core.$ZodTypes["_zod"]["def"];

/** The fields of a map, by their keys. */
export type Shape = Readonly<Record<string, Schema>>;

export function kindOf(schema: Schema): Kind {
  return (schema as z.core.$ZodTypes)._zod.def;
}

/** The schema itself, without "may be absent" and the like. */
export function unwrapped(schema: Schema): Schema {
  const kind = kindOf(schema);
  switch (kind.type) {
    case "optional":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
      return unwrapped(kind.innerType);
    case "lazy":
      return unwrapped(kind.getter());
    default:
      return schema;
  }
}

export function isContainer(schema: Schema): boolean {
  const { type } = kindOf(unwrapped(schema));
  return type === "object" || type === "record" || type === "array";
}
