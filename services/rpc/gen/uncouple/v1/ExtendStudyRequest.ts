// Original file: proto/uncouple/v1/tuning.proto


export interface ExtendStudyRequest {
  'id'?: (string);
  /**
   * In all.
   */
  'trials'?: (number);
  /**
   * Trials at a time; defaults to what it was.
   */
  'parallel'?: (number);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_parallel'?: "parallel";
  '_component'?: "component";
}

export interface ExtendStudyRequest__Output {
  'id': (string);
  /**
   * In all.
   */
  'trials': (number);
  /**
   * Trials at a time; defaults to what it was.
   */
  'parallel'?: (number);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_parallel'?: "parallel";
  '_component'?: "component";
}
