// Original file: proto/uncouple/v1/trainer.proto

import type { NumericColumn as _uncouple_v1_NumericColumn, NumericColumn__Output as _uncouple_v1_NumericColumn__Output } from '../../uncouple/v1/NumericColumn.ts';
import type { CategoricalColumn as _uncouple_v1_CategoricalColumn, CategoricalColumn__Output as _uncouple_v1_CategoricalColumn__Output } from '../../uncouple/v1/CategoricalColumn.ts';

export interface Column {
  'name'?: (string);
  'numeric'?: (_uncouple_v1_NumericColumn | null);
  'categorical'?: (_uncouple_v1_CategoricalColumn | null);
  'values'?: "numeric"|"categorical";
}

export interface Column__Output {
  'name': (string);
  'numeric'?: (_uncouple_v1_NumericColumn__Output | null);
  'categorical'?: (_uncouple_v1_CategoricalColumn__Output | null);
  'values'?: "numeric"|"categorical";
}
