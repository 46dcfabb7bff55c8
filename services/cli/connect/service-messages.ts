import * as z from "zod";
import type { ErrorCode } from "../../common/errors.ts";

/** A message from a service to the process that started it. */
export type ServiceMessage =
  /** The service accepts calls at these addresses. A worker has no gRPC, and HTTP only on demand. */
  | { readonly kind: "ready"; readonly grpc?: string | undefined; readonly http?: string | undefined }
  /** The service failed and is about to exit. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

const messageSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ready"), grpc: z.string().optional(), http: z.string().optional() }),
  z.strictObject({
    kind: z.literal("failed"),
    code: z.enum([
      "invalid-argument",
      "not-found",
      "conflict",
      "failed-precondition",
      "resource-exhausted",
      "cancelled",
      "deadline-exceeded",
      "unavailable",
      "data-loss",
      "deleted",
      "unauthenticated",
      "internal",
    ] satisfies ErrorCode[]),
    message: z.string(),
  }),
]);

/** Returns undefined for any other message. */
export function parseServiceMessage(message: unknown): ServiceMessage | undefined {
  return messageSchema.safeParse(message).data;
}
