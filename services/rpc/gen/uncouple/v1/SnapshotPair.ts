// Original file: proto/uncouple/v1/evaluator.proto


export interface SnapshotPair {
  'upstreamSerial'?: (number);
  'downstreamSerial'?: (number);
}

export interface SnapshotPair__Output {
  'upstreamSerial': (number);
  'downstreamSerial': (number);
}
