import { raceAbort } from "../../common/async/race-abort.ts";
import { timeoutSignal } from "../../common/async/timeout-signal.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { sha256 } from "../../common/files/digest.ts";
import { isFiniteState, type PackedState, sameLayout } from "../../engine/interface/packed-state.ts";
import type { UnitResult } from "../../learning/units/unit.ts";
import type { Outcome } from "./machine/events.ts";

/** Bytes that are not what was announced. The message says why. */
export class InvalidResult extends Error {}

/**
 * Reads the state at the end of a unit.
 * @param base state at its start, whose names and shapes it must have
 * @throws InvalidResult; UncoupleError `deadline-exceeded` if no part comes for `silenceMs`; what the parts throw
 */
export async function readState(
  parts: AsyncIterable<Uint8Array>,
  announced: { readonly digest: string; readonly size: number },
  base: Uint8Array,
  clock: Clock,
  silenceMs: number,
): Promise<PackedState> {
  const { digest, size } = announced;
  if (size !== base.byteLength) {
    throw new InvalidResult(`the state has ${size} bytes, but ${base.byteLength} at the start of the unit`);
  }
  const bytes = new Uint8Array(size);
  const iterator = parts[Symbol.asyncIterator]();
  let at = 0;
  try {
    for (;;) {
      const part = await within(clock, silenceMs, () => iterator.next());
      if (part.done === true) break;
      if (at + part.value.byteLength > size) throw new InvalidResult(`more than the announced ${size} bytes came`);
      bytes.set(part.value, at);
      at += part.value.byteLength;
    }
  } catch (thrown) {
    // Not awaited: it may wait for the part that does not come.
    void iterator.return?.()?.then(undefined, () => {});
    throw thrown;
  }
  if (at !== size) throw new InvalidResult(`only ${at} of ${size} bytes came`);
  const actual = await sha256(bytes);
  if (actual !== digest) throw new InvalidResult(`the bytes have the digest ${actual}, not ${digest}`);
  if (!sameLayout(bytes, base)) throw new InvalidResult("the state has other tensors than at the start of the unit");
  return { digest, bytes };
}

async function within<T>(clock: Clock, ms: number, work: () => Promise<T>): Promise<T> {
  const late = new UncoupleError("deadline-exceeded", `no bytes of the result came for ${ms / 1000} s`);
  const limit = timeoutSignal(clock, ms, late);
  try {
    return await raceAbort(work(), limit.signal);
  } finally {
    limit.dispose();
  }
}

/** Describes a result to the machine. */
export async function describeResult({ state, losses }: UnitResult): Promise<Outcome & { readonly kind: "result" }> {
  return describe(state.digest, losses, await isFiniteState(state, "variable/"));
}

/** Describes a result whose bytes are not read, because they cannot count. */
export function describeClaim(digest: string, losses: Float32Array): Promise<Outcome & { readonly kind: "result" }> {
  return describe(digest, losses, true);
}

/**
 * Losses belong to the result: they are recorded with the training. Where a training diverged, processors differ in the
 * bits of NaN, so that the losses before it stand for the result.
 */
async function describe(
  digest: string,
  losses: Float32Array,
  finiteState: boolean,
): Promise<Outcome & { readonly kind: "result" }> {
  const diverged = losses.findIndex((loss) => !Number.isFinite(loss));
  const end = diverged < 0 ? losses.length : diverged;
  const finite = diverged < 0 && finiteState;
  const head = new TextEncoder().encode(finite ? digest : `diverged after ${end} losses`);
  const bytes = new Uint8Array(head.length + 4 * end);
  bytes.set(head);
  bytes.set(new Uint8Array(losses.buffer, losses.byteOffset, 4 * end), head.length);
  return { kind: "result", digest: await sha256(bytes), finite };
}
