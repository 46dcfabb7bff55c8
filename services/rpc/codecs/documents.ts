import { UncoupleError } from "../../common/errors.ts";

/** @throws UncoupleError `data-loss` if the document is not JSON */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UncoupleError("data-loss", `the ${what} is not JSON`, { cause });
  }
}
