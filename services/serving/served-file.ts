import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { writeDurably } from "../common/files/durable-file.ts";

/** What a follower remembers over restarts: the release that the command has taken up. */
export interface ServedState {
  readonly release: number;
  /** ISO 8601. */
  readonly since: string;
  /** Whether the ledger has it. */
  readonly reported: boolean;
}

const FILE = "served.json";
const schema = z.object({ release: z.int(), since: z.string(), reported: z.boolean() });

/** Returns undefined if nothing was served yet; an unreadable file counts as that, so the command runs again. */
export async function readServed(dir: string): Promise<ServedState | undefined> {
  try {
    return schema.parse(JSON.parse(await readFile(join(dir, FILE), "utf8")));
  } catch {
    return undefined;
  }
}

/** @throws UncoupleError as `writeDurably` */
export function writeServed(dir: string, state: ServedState): Promise<void> {
  return writeDurably(join(dir, FILE), `${JSON.stringify(state)}\n`);
}
