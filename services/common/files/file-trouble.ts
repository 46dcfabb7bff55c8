import type { ErrorCode } from "../errors.ts";

const words: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EISDIR: "it is a folder",
  ENOTDIR: "part of the path is a file",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk quota is exceeded",
  ENAMETOOLONG: "the name is too long",
};

/** Describes a file error in words. */
export function fileTrouble(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  return words[errorCode(thrown) ?? ""] ?? thrown.message;
}

/** The error code for a failure on a user's file or folder: a full disk, or a path that cannot be used. */
export function fileErrorCode(thrown: unknown): Extract<ErrorCode, "invalid-argument" | "resource-exhausted"> {
  const full = ["ENOSPC", "EDQUOT"].includes(errorCode(thrown) ?? "");
  return full ? "resource-exhausted" : "invalid-argument";
}

/** The system error code, such as `ENOENT`. */
export function errorCode(thrown: unknown): string | undefined {
  return thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined;
}
