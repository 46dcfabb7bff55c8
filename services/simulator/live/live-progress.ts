/** How far a live simulation is. */
export interface LiveProgress {
  /** `first`: the first models are trained. `drain`: what was asked for is finished. */
  readonly phase: "first" | "drive" | "drain";
  /** Seconds of the drive that are over, and all of them. */
  readonly seconds: number;
  readonly of: number;
  readonly runs: number;
  /** Runs that failed, and requests that were refused. */
  readonly failed: number;
  readonly snapshots: number;
  readonly verdicts: number;
  readonly unjudged: number;
}
