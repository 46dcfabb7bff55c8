import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { UncoupleError } from "../../common/errors.ts";
import { errorCode } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import { writeWhole } from "../../common/files/write-whole.ts";

const stackSchema = z.strictObject({
  version: z.literal(1),
  /** The process that runs the stack. */
  pid: z.int().positive(),
  startedAt: z.string(),
  pipeline: z.string(),
  /** Absolute. */
  pipelineFile: z.string(),
  /** All of the pipeline, with a trainer or without. */
  components: z.array(z.string()),
  natsUrl: z.string(),
  /** Component to gRPC address. */
  trainers: z.record(z.string(), z.string()),
  /** gRPC address. */
  evaluator: z.string(),
  /** Service to the address of its metrics and health. */
  metrics: z.record(z.string(), z.string()),
});

/** Where the services of a local stack are; what `uncouple up` writes and every other subcommand reads. */
export type Stack = z.infer<typeof stackSchema>;

export function stackFile(dir: string): string {
  return join(dir, "stack.json");
}

/**
 * @returns undefined where there is none
 * @throws UncoupleError `invalid-argument` for a file that is no stack file
 */
export async function readStack(dir: string): Promise<Stack | undefined> {
  const path = stackFile(dir);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const code = errorCode(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new UncoupleError("invalid-argument", `${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    return stackSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new UncoupleError("invalid-argument", `${path} is no stack file of this version: remove it`, { cause });
  }
}

/** Visible whole or not at all, and for this user alone: the NATS address may hold a password. */
export async function writeStack(dir: string, stack: Stack): Promise<void> {
  const path = stackFile(dir);
  await makeFolder(dir);
  await writeWhole(path, path, `${JSON.stringify(stack, null, 2)}\n`, true, 0o600);
}

/** Removes the stack file of that process; another one's stays. */
export async function removeStack(dir: string, pid: number): Promise<void> {
  const stack = await readStack(dir).catch(() => undefined);
  if (stack?.pid === pid) await rm(stackFile(dir), { force: true });
}
