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
  /** Absolute path. */
  pipelineFile: z.string(),
  /** All components of the pipeline, with or without a trainer. */
  components: z.array(z.string()),
  natsUrl: z.string(),
  /** gRPC addresses by component. */
  trainers: z.record(z.string(), z.string()),
  /** gRPC address. */
  evaluator: z.string(),
  /** URLs of `/metrics` by service. */
  metrics: z.record(z.string(), z.string()),
});

/** Addresses of a local stack's services; `uncouple up` writes them, and the other subcommands read them. */
export type Stack = z.infer<typeof stackSchema>;

export function stackFile(dir: string): string {
  return join(dir, "stack.json");
}

/**
 * @returns undefined if there is no stack file
 * @throws UncoupleError `invalid-argument` for an unreadable or invalid file
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
    throw new UncoupleError("invalid-argument", `${path} is not a valid stack file for this version; remove it`, {
      cause,
    });
  }
}

/** Writes the file atomically, readable by this user only, because the NATS address may contain a password. */
export async function writeStack(dir: string, stack: Stack): Promise<void> {
  const path = stackFile(dir);
  await makeFolder(dir);
  await writeWhole(path, path, `${JSON.stringify(stack, null, 2)}\n`, true, 0o600);
}

/** Removes the stack file if it belongs to process `pid`. */
export async function removeStack(dir: string, pid: number): Promise<void> {
  const stack = await readStack(dir).catch(() => undefined);
  if (stack?.pid === pid) await rm(stackFile(dir), { force: true });
}
