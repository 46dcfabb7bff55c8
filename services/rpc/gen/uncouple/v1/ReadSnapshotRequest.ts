// Original file: proto/uncouple/v1/trainer.proto


export interface ReadSnapshotRequest {
  /**
   * The newest snapshot where it is not set.
   */
  'serial'?: (number);
  '_serial'?: "serial";
}

export interface ReadSnapshotRequest__Output {
  /**
   * The newest snapshot where it is not set.
   */
  'serial'?: (number);
  '_serial'?: "serial";
}
