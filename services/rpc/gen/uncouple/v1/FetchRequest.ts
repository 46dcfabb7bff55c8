// Original file: proto/uncouple/v1/worker.proto


export interface FetchRequest {
  'worker'?: (string);
  /**
   * SHA-256.
   */
  'digest'?: (string);
}

export interface FetchRequest__Output {
  'worker': (string);
  /**
   * SHA-256.
   */
  'digest': (string);
}
