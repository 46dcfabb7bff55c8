// Original file: proto/uncouple/v1/worker.proto


export interface CoordinatorBeat {
  /**
   * Leases that are not wanted any more.
   */
  'abandon'?: (string)[];
}

export interface CoordinatorBeat__Output {
  /**
   * Leases that are not wanted any more.
   */
  'abandon': (string)[];
}
