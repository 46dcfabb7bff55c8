/** A call that a gRPC server has finished. */
export interface FinishedCall {
  /** `uncouple.v1.Trainer/GetRun`. Only existing methods, so the set is bounded. */
  readonly method: string;
  /** The status name, such as `OK` or `NOT_FOUND`; `CANCELLED` if the client disconnected first. */
  readonly code: string;
  readonly stream: boolean;
  readonly seconds: number;
}
