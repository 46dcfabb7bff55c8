// Original file: proto/uncouple/v1/worker.proto


export interface FetchRequest {
  'worker'?: (string);
  /**
   * SHA-256.
   */
  'digest'?: (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface FetchRequest__Output {
  'worker': (string);
  /**
   * SHA-256.
   */
  'digest': (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
