// Original file: proto/uncouple/v1/worker.proto


export interface ReturnRequest {
  'worker'?: (string);
  'lease'?: (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface ReturnRequest__Output {
  'worker': (string);
  'lease': (string);
  /**
   * The component of the training; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
