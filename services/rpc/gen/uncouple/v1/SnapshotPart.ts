// Original file: proto/uncouple/v1/trainer.proto


export interface SnapshotPart {
  /**
   * The manifest as a JSON document, as stored in the registry.
   */
  'manifest'?: (string);
  'chunk'?: (Buffer | Uint8Array | string);
  'part'?: "manifest"|"chunk";
}

export interface SnapshotPart__Output {
  /**
   * The manifest as a JSON document, as stored in the registry.
   */
  'manifest'?: (string);
  'chunk'?: (Buffer);
  'part'?: "manifest"|"chunk";
}
