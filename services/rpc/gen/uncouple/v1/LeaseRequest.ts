// Original file: proto/uncouple/v1/worker.proto


export interface LeaseRequest {
  'worker'?: (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface LeaseRequest__Output {
  'worker': (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
