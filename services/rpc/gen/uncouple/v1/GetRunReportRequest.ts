// Original file: proto/uncouple/v1/trainer.proto


export interface GetRunReportRequest {
  'id'?: (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}

export interface GetRunReportRequest__Output {
  'id': (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_component'?: "component";
}
