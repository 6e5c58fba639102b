/**
 * Working memory of a computation over lists of some size, made once for each size. What one call leaves to the next is only
 * the memory: whoever uses it writes every value before reading it.
 */
export function scratchBySize<Scratch>(make: (size: number) => Scratch): (size: number) => Scratch {
  const made = new Map<number, Scratch>();
  return (size) => {
    let scratch = made.get(size);
    if (scratch === undefined) made.set(size, (scratch = make(size)));
    return scratch;
  };
}
