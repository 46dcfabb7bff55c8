// Original file: proto/uncouple/v1/trainer.proto


export interface PredictResponse {
  'serial'?: (number);
  'width'?: (number);
  /**
   * rows * width float32, little-endian, row-major.
   */
  'values'?: (Buffer | Uint8Array | string);
}

export interface PredictResponse__Output {
  'serial': (number);
  'width': (number);
  /**
   * rows * width float32, little-endian, row-major.
   */
  'values': (Buffer);
}
