import { UncoupleError } from "../../common/errors.ts";

/** The part of a generated method definition that a client needs: path, request in, response out. */
export interface Method<Q, S> {
  readonly path: string;
  requestSerialize(request: Q): Buffer;
  responseDeserialize(bytes: Buffer): S;
}

/** The error of a call that its caller has cancelled. */
export function cancelled(signal: AbortSignal): UncoupleError {
  return new UncoupleError("cancelled", "cancelled", { cause: signal.reason });
}
