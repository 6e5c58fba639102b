const ROUNDS = 60;

/** Where a condition begins to hold between a point where it does not and one where it does, by halving. */
export function firstWhere(holds: (x: number) => boolean, without: number, within: number): number {
  let [outside, inside] = [without, within];
  for (let round = 0; round < ROUNDS; round++) {
    const middle = (outside + inside) / 2;
    if (holds(middle)) inside = middle;
    else outside = middle;
  }
  return inside;
}

/** Where a function with one minimum between two points has it, by golden sections; as exact as a minimum can be: to about eight digits. */
export function minimumOf(value: (x: number) => number, from: number, to: number): number {
  const ratio = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [left, right] = [high - ratio * (high - low), low + ratio * (high - low)];
  let [atLeft, atRight] = [value(left), value(right)];
  for (let round = 0; round < ROUNDS; round++) {
    if (atLeft <= atRight) {
      [high, right, atRight] = [right, left, atLeft];
      left = high - ratio * (high - low);
      atLeft = value(left);
    } else {
      [low, left, atLeft] = [left, right, atRight];
      right = low + ratio * (high - low);
      atRight = value(right);
    }
  }
  return (low + high) / 2;
}
