// Original file: proto/uncouple/v1/worker.proto

import type { Long } from '@grpc/proto-loader';

export interface FetchPart {
  /**
   * Comes first. Bytes in all.
   */
  'size'?: (number | string | Long);
  'chunk'?: (Buffer | Uint8Array | string);
  'part'?: "size"|"chunk";
}

export interface FetchPart__Output {
  /**
   * Comes first. Bytes in all.
   */
  'size'?: (string);
  'chunk'?: (Buffer);
  'part'?: "size"|"chunk";
}
