import * as z from "zod";
import type { ErrorCode } from "../../common/errors.ts";

/** What a service tells the process that started it. */
export type ServiceMessage =
  /** It listens and is ready for calls. */
  | { readonly kind: "ready"; readonly grpc: string; readonly http: string }
  /** It cannot go on; its exit follows. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

const messageSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("ready"), grpc: z.string(), http: z.string() }),
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
      "internal",
    ] satisfies ErrorCode[]),
    message: z.string(),
  }),
]);

/** Undefined for what is no such message. */
export function parseServiceMessage(message: unknown): ServiceMessage | undefined {
  return messageSchema.safeParse(message).data;
}
