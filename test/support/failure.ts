import { expect } from "vitest";
import { RolloutError } from "../../src/errors.ts";

/** What an action fails with, which is an error of ours. */
export async function failure(action: Promise<unknown>): Promise<RolloutError> {
  const error = await action.then(
    (value) => expect.fail(`it did not fail: ${JSON.stringify(value)}`),
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(RolloutError);
  return error as RolloutError;
}
