// Original file: proto/uncouple/v1/trainer.proto

import type { Column as _uncouple_v1_Column, Column__Output as _uncouple_v1_Column__Output } from '../../uncouple/v1/Column.ts';

export interface PredictRequest {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  'rows'?: (number);
  /**
   * Raw data columns and upstream outputs, named as in the pipeline file.
   */
  'columns'?: (_uncouple_v1_Column)[];
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_serial'?: "serial";
  '_component'?: "component";
}

export interface PredictRequest__Output {
  /**
   * Defaults to the newest snapshot.
   */
  'serial'?: (number);
  'rows': (number);
  /**
   * Raw data columns and upstream outputs, named as in the pipeline file.
   */
  'columns': (_uncouple_v1_Column__Output)[];
  /**
   * The component that is meant; needed if the trainer hosts several.
   */
  'component'?: (string);
  '_serial'?: "serial";
  '_component'?: "component";
}
