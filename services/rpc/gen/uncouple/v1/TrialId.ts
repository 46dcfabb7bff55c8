// Original file: proto/uncouple/v1/trainer.proto


export interface TrialId {
  'study'?: (string);
  'trial'?: (number);
}

export interface TrialId__Output {
  'study': (string);
  'trial': (number);
}
