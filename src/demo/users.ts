import { seededRandom } from "./random.ts";

/** Somebody who shops, as the shop's flags see them. */
export interface User {
  id: string;
  email: string;
  region: "eu" | "us";
}

/** One user in this many works for the shop. */
const STAFF_EVERY = 25;

/** Users who are the same for the same seed. The first of every 25 is of the staff, known by an address at example.com. */
export function makeUsers(count: number, seed: number): User[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, (_, index) => {
    const id = `user-${String(index + 1).padStart(4, "0")}`;
    const host = index % STAFF_EVERY === 0 ? "example.com" : "mail.test";
    return { id, email: `${id}@${host}`, region: random() < 0.6 ? "eu" : "us" };
  });
}
