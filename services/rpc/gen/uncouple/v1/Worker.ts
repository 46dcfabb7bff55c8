// Original file: proto/uncouple/v1/worker.proto


export interface Worker {
  'worker'?: (string);
  'name'?: (string);
  'host'?: (string);
  'pid'?: (number);
  'engine'?: (string);
  'numerics'?: (string);
  /**
   * Units whose result was accepted.
   */
  'unitsDone'?: (number);
  /**
   * Units in work.
   */
  'unitsRunning'?: (number);
  /**
   * Steps per second over its latest units.
   */
  'stepsPerSecond'?: (number | string);
  /**
   * Seconds since it last got on with its oldest unit; not set without one.
   */
  'lagSeconds'?: (number | string);
  /**
   * Seconds since its last beat.
   */
  'beatSeconds'?: (number | string);
  /**
   * A wrong result was proven.
   */
  'quarantined'?: (boolean);
  '_stepsPerSecond'?: "stepsPerSecond";
  '_lagSeconds'?: "lagSeconds";
}

export interface Worker__Output {
  'worker': (string);
  'name': (string);
  'host': (string);
  'pid': (number);
  'engine': (string);
  'numerics': (string);
  /**
   * Units whose result was accepted.
   */
  'unitsDone': (number);
  /**
   * Units in work.
   */
  'unitsRunning': (number);
  /**
   * Steps per second over its latest units.
   */
  'stepsPerSecond'?: (number);
  /**
   * Seconds since it last got on with its oldest unit; not set without one.
   */
  'lagSeconds'?: (number);
  /**
   * Seconds since its last beat.
   */
  'beatSeconds': (number);
  /**
   * A wrong result was proven.
   */
  'quarantined': (boolean);
  '_stepsPerSecond'?: "stepsPerSecond";
  '_lagSeconds'?: "lagSeconds";
}
