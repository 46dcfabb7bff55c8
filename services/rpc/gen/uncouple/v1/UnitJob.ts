// Original file: proto/uncouple/v1/worker.proto

import type { Long } from '@grpc/proto-loader';

export interface UnitJob {
  /**
   * SHA-256 of the program.
   */
  'program'?: (string);
  /**
   * Column to SHA-256.
   */
  'columns'?: ({[key: string]: string});
  'rows'?: (number);
  /**
   * Length of the whole schedule.
   */
  'steps'?: (number);
  'warmup'?: (number);
  /**
   * constant or cosine.
   */
  'decay'?: (string);
  /**
   * Peak.
   */
  'learningRate'?: (number | string);
  'seed'?: (number | string | Long);
}

export interface UnitJob__Output {
  /**
   * SHA-256 of the program.
   */
  'program': (string);
  /**
   * Column to SHA-256.
   */
  'columns': ({[key: string]: string});
  'rows': (number);
  /**
   * Length of the whole schedule.
   */
  'steps': (number);
  'warmup': (number);
  /**
   * constant or cosine.
   */
  'decay': (string);
  /**
   * Peak.
   */
  'learningRate': (number);
  'seed': (string);
}
