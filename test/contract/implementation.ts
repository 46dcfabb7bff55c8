import { expect } from "vitest";
import { UncoupleError } from "../../services/common/errors.ts";
import type { Backplane } from "../../services/registry/backplane.ts";
import * as make from "../helpers/drafts.ts";

/** A test environment of an implementation. Each `open` gives the view of a separate process on the same pipeline. */
export interface World {
  readonly pipeline: string;
  open(): Promise<Backplane>;
  /** Closes all backplanes and deletes all data. */
  destroy(): Promise<void>;
}

export interface Implementation {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Creates an empty pipeline. */
  create(): Promise<World>;
}

/** The views of two processes on an empty pipeline, and what they may write to it. */
export interface Pair {
  readonly world: World;
  readonly one: Backplane;
  readonly two: Backplane;
  readonly draft: (change?: Parameters<typeof make.draft>[0]) => ReturnType<typeof make.draft>;
  readonly verdict: (component: string, serial: number, evaluator?: string) => ReturnType<typeof make.verdict>;
  readonly quarantine: (component: string, serial: number) => ReturnType<typeof make.quarantine>;
}

/** Opens both views concurrently, because the services of a pipeline start together. */
export async function openPair(world: World): Promise<Pair> {
  const [one, two] = await Promise.all([world.open(), world.open()]);
  const { pipeline } = world;
  return {
    world,
    one,
    two,
    draft: (change = {}) => make.draft({ pipeline, ...change }),
    verdict: (component, serial, evaluator = "evaluator-1") => make.verdict(component, serial, { pipeline, evaluator }),
    quarantine: (component, serial) => make.quarantine(component, serial, { pipeline }),
  };
}

/** The typed error that a call fails with. */
export async function failure(promise: Promise<unknown>): Promise<UncoupleError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(UncoupleError);
  return thrown as UncoupleError;
}

export const never = new AbortController().signal;
