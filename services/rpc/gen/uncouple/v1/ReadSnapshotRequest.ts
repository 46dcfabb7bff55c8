// Original file: proto/uncouple/v1/trainer.proto


export interface ReadSnapshotRequest {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  '_serial'?: "serial";
}

export interface ReadSnapshotRequest__Output {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  '_serial'?: "serial";
}
