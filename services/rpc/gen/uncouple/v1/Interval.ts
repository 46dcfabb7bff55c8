// Original file: proto/uncouple/v1/verdict.proto


export interface Interval {
  'low'?: (number | string);
  'high'?: (number | string);
}

export interface Interval__Output {
  'low': (number);
  'high': (number);
}
