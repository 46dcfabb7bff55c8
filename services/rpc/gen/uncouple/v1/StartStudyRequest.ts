// Original file: proto/uncouple/v1/tuning.proto


export interface StartStudyRequest {
  /**
   * Trials that the study samples. 0: only those of RunTrial.
   */
  'trials'?: (number);
  /**
   * Trials at a time; defaults to 1.
   */
  'parallel'?: (number);
  /**
   * Text of a team file (YAML) with a search, at most 256 KiB, in place of the trainer's own.
   */
  'teamFile'?: (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_parallel'?: "parallel";
  '_teamFile'?: "teamFile";
  '_component'?: "component";
}

export interface StartStudyRequest__Output {
  /**
   * Trials that the study samples. 0: only those of RunTrial.
   */
  'trials': (number);
  /**
   * Trials at a time; defaults to 1.
   */
  'parallel'?: (number);
  /**
   * Text of a team file (YAML) with a search, at most 256 KiB, in place of the trainer's own.
   */
  'teamFile'?: (string);
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_parallel'?: "parallel";
  '_teamFile'?: "teamFile";
  '_component'?: "component";
}
