// Original file: proto/uncouple/v1/worker.proto

export const UnitFate = {
  UNIT_FATE_UNSPECIFIED: 'UNIT_FATE_UNSPECIFIED',
  /**
   * The result is the unit's.
   */
  UNIT_FATE_APPLIED: 'UNIT_FATE_APPLIED',
  /**
   * Another worker, or an earlier submission, brought the same result.
   */
  UNIT_FATE_DUPLICATE: 'UNIT_FATE_DUPLICATE',
  /**
   * The unit is over, or belongs to an earlier state or run.
   */
  UNIT_FATE_STALE: 'UNIT_FATE_STALE',
  /**
   * The result is wrong: its bytes, its shape, or its digest.
   */
  UNIT_FATE_REFUSED: 'UNIT_FATE_REFUSED',
} as const;

export type UnitFate =
  | 'UNIT_FATE_UNSPECIFIED'
  | 0
  /**
   * The result is the unit's.
   */
  | 'UNIT_FATE_APPLIED'
  | 1
  /**
   * Another worker, or an earlier submission, brought the same result.
   */
  | 'UNIT_FATE_DUPLICATE'
  | 2
  /**
   * The unit is over, or belongs to an earlier state or run.
   */
  | 'UNIT_FATE_STALE'
  | 3
  /**
   * The result is wrong: its bytes, its shape, or its digest.
   */
  | 'UNIT_FATE_REFUSED'
  | 4

export type UnitFate__Output = typeof UnitFate[keyof typeof UnitFate]
