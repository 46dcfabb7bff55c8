// Original file: proto/uncouple/v1/worker.proto


export interface ListWorkersRequest {
  /**
   * The component whose workers are asked for; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface ListWorkersRequest__Output {
  /**
   * The component whose workers are asked for; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
