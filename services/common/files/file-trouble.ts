import type { ErrorCode } from "../errors.ts";

const words: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the quota of the disk is used up",
  ENAMETOOLONG: "the name is too long",
};

/** What is wrong with a file, in words. */
export function fileTrouble(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return words[errorCode(thrown) ?? ""] ?? thrown.message;
}

/** Whether the user named a wrong file or folder, or a right one has no room. */
export function fileErrorCode(thrown: unknown): Extract<ErrorCode, "invalid-argument" | "resource-exhausted"> {
  const full = ["ENOSPC", "EDQUOT"].includes(errorCode(thrown) ?? "");
  return full ? "resource-exhausted" : "invalid-argument";
}

/** `ENOENT` and the like. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
