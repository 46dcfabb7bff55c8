// Original file: proto/uncouple/v1/snapshot.proto

import type { Long } from '@grpc/proto-loader';

/**
 * A serial whose announcement the service cannot read. It is taken, and never used.
 */
export interface UnreadableSnapshot {
  'component'?: (string);
  'serial'?: (number);
  /**
   * Position among all announcements of the pipeline.
   */
  'position'?: (number | string | Long);
  /**
   * A human-readable sentence: for example, that a newer version wrote it.
   */
  'reason'?: (string);
}

/**
 * A serial whose announcement the service cannot read. It is taken, and never used.
 */
export interface UnreadableSnapshot__Output {
  'component': (string);
  'serial': (number);
  /**
   * Position among all announcements of the pipeline.
   */
  'position': (string);
  /**
   * A human-readable sentence: for example, that a newer version wrote it.
   */
  'reason': (string);
}
