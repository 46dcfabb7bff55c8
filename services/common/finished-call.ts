/** A call that a gRPC server has finished. */
export interface FinishedCall {
  /** `uncouple.v1.Trainer/GetRun`: only methods that exist, so that there are few. */
  readonly method: string;
  /** The status by name: `OK`, `NOT_FOUND`; `CANCELLED` when the client left first. */
  readonly code: string;
  readonly stream: boolean;
  readonly seconds: number;
}
