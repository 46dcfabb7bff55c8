// Original file: proto/uncouple/v1/trainer.proto


export interface ReadSnapshotRequest {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_serial'?: "serial";
  '_component'?: "component";
}

export interface ReadSnapshotRequest__Output {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_serial'?: "serial";
  '_component'?: "component";
}
