// Original file: proto/uncouple/v1/common.proto

import type { ParameterValue as _uncouple_v1_ParameterValue, ParameterValue__Output as _uncouple_v1_ParameterValue__Output } from '../../uncouple/v1/ParameterValue.ts';

/**
 * A training protocol and its parameters.
 */
export interface Protocol {
  'name'?: (string);
  'parameters'?: ({[key: string]: _uncouple_v1_ParameterValue});
}

/**
 * A training protocol and its parameters.
 */
export interface Protocol__Output {
  'name': (string);
  'parameters': ({[key: string]: _uncouple_v1_ParameterValue__Output});
}
