// Original file: proto/uncouple/v1/trainer.proto


export interface NumericColumn {
  'width'?: (number);
  /**
   * rows * width float32, little-endian, row-major.
   */
  'values'?: (Buffer | Uint8Array | string);
}

export interface NumericColumn__Output {
  'width': (number);
  /**
   * rows * width float32, little-endian, row-major.
   */
  'values': (Buffer);
}
