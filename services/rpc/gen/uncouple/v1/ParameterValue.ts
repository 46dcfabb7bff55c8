// Original file: proto/uncouple/v1/common.proto


export interface ParameterValue {
  'number'?: (number | string);
  'text'?: (string);
  'value'?: "number"|"text";
}

export interface ParameterValue__Output {
  'number'?: (number);
  'text'?: (string);
  'value'?: "number"|"text";
}
