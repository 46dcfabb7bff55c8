// Original file: proto/uncouple/v1/trainer.proto

import type { SnapshotManifest as _uncouple_v1_SnapshotManifest, SnapshotManifest__Output as _uncouple_v1_SnapshotManifest__Output } from '../../uncouple/v1/SnapshotManifest.ts';

export interface SnapshotPart {
  /**
   * The manifest as a JSON document of version 1: only trainers of version 0.1.0 send it.
   * @deprecated
   */
  'manifest'?: (string);
  'chunk'?: (Buffer | Uint8Array | string);
  'snapshot'?: (_uncouple_v1_SnapshotManifest | null);
  'part'?: "manifest"|"chunk"|"snapshot";
}

export interface SnapshotPart__Output {
  /**
   * The manifest as a JSON document of version 1: only trainers of version 0.1.0 send it.
   * @deprecated
   */
  'manifest'?: (string);
  'chunk'?: (Buffer);
  'snapshot'?: (_uncouple_v1_SnapshotManifest__Output | null);
  'part'?: "manifest"|"chunk"|"snapshot";
}
