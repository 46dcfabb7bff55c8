import type { JudgedTest } from "../pipeline/model-test.ts";
import type { Composition } from "../pipeline/verdict.ts";

/** The pipeline's tests of models, on composed outputs. */
export interface CompositionTests {
  /** Runs the tests that a change of the composition can fail. @throws SnapshotFault for a model that cannot be used */
  ofComposition(current: Composition, candidate: Composition): Promise<readonly JudgedTest[]>;
}
