// Original file: proto/uncouple/v1/evaluator.proto


export interface MatrixCell {
  'upstreamSerial'?: (number);
  'downstreamSerial'?: (number);
  'loss'?: (number | string);
}

export interface MatrixCell__Output {
  'upstreamSerial': (number);
  'downstreamSerial': (number);
  'loss': (number);
}
