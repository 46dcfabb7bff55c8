import { availableCpus } from "../../common/available-cpus.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { fileChunks } from "../../data/spill/spill-file.ts";
import type { SubmittedUnit, UnitFate } from "../../rpc/services/coordinator-service.ts";
import { createBeatStreams } from "./beat-streams.ts";
import { createBlobStore } from "./blob-store.ts";
import type { Coordinator, CoordinatorDeps, CoordinatorSettings } from "./coordinator.ts";
import { refusalOf } from "./joining.ts";
import { createLocalUnits } from "./local-units.ts";
import { createLongPolls, unknownWorker } from "./long-polls.ts";
import type { Effect, Outcome } from "./machine/events.ts";
import { type LeaseState, type UnitName, unitKey } from "./machine/state.ts";
import { canCount } from "./machine/submissions.ts";
import { createMachineDriver, type MachineDriver } from "./machine-driver.ts";
import { describeClaim, describeResult, InvalidResult, readState } from "./results.ts";
import { createTrainings } from "./trainings.ts";
import { unitsWaiting, viewMetrics, viewWaiting, viewWorkers } from "./views.ts";

const BEAT_MS = 1_000;
const SILENCE_MS = 5_000;
/** How often silence and stragglers are looked for. */
const TICK_MS = 100;

export function createCoordinator(settings: CoordinatorSettings, deps: CoordinatorDeps): Coordinator {
  const { pipeline, component, incarnation, enabled, beatMs = BEAT_MS, silenceMs = SILENCE_MS } = settings;
  const { clock, observer, cpus = availableCpus(), limits } = deps;
  const driver = (): MachineDriver => machine;
  const blobs = createBlobStore();
  const local = createLocalUnits(clock, cpus, blobs, limits?.idleBytes);
  const trainings = createTrainings(blobs, local, Math.min(cpus, limits?.units ?? cpus), enabled, driver);
  const polls = createLongPolls(clock, driver);
  const beats = createBeatStreams(driver);
  const answers = new Map<string, { readonly fate: UnitFate; readonly reason: string }>();
  const machine = createMachineDriver({ incarnation, silenceMs }, clock, handle);
  const ticks = clock.every(TICK_MS, () => machine.dispatch({ type: "tick" }), { keepsAlive: false });
  let joined = 0;
  let submissions = 0;
  let closing: Promise<void> | undefined;

  function handle(effect: Effect): void {
    switch (effect.type) {
      case "grant":
        polls.grant(effect.request, effect.lease);
        break;
      case "reject":
        polls.reject(effect.request);
        break;
      case "answer":
        answers.set(effect.submission, effect);
        break;
      case "abandon":
        beats.abandon(effect.worker, effect.leases);
        break;
      case "dismiss":
        beats.dismiss(effect.worker);
        break;
      case "finished":
        trainings.finish(effect.unit, effect.digest);
        break;
      case "failed":
        trainings.fail(effect.unit, new UncoupleError(effect.code, effect.message));
        break;
      case "run":
        void runUnit(effect.lease);
        break;
      case "stop":
        local.stop(effect.lease);
        break;
      case "run-probe":
        void runProbe(effect.job, effect.unit);
        break;
      case "note":
        observer.note(effect.note);
        break;
    }
  }

  /** Runs a unit in the trainer. */
  async function runUnit(lease: LeaseState): Promise<void> {
    const began = clock.elapsed();
    const outcome = await runHere(lease.id, lease);
    if (outcome === undefined) return;
    if (outcome.kind === "result") {
      observer.ran({ by: "trainer", seconds: (clock.elapsed() - began) / 1000, overheadSeconds: 0 });
    }
    machine.dispatch({ type: "ran", lease: lease.id, outcome });
  }

  async function runProbe(job: string, unit: UnitName): Promise<void> {
    const outcome = await runHere(`probe ${job}`, unit);
    if (outcome !== undefined) machine.dispatch({ type: "probed", job, outcome });
  }

  /** @returns nothing if it was stopped */
  async function runHere(name: string, unit: UnitName): Promise<Outcome | undefined> {
    const job = trainings.job(unit.job);
    const base = blobs.get(unit.base);
    // States are never spilled.
    if (job === undefined || base === undefined || "path" in base) return undefined;
    try {
      const result = await local.run(name, job, unit, base);
      if (result === undefined) return undefined;
      const outcome = await describeResult(result);
      trainings.keep(unitKey(unit), outcome.digest, result);
      return outcome;
    } catch (thrown) {
      const { code, message } = asUncoupleError(thrown);
      return { kind: "failed", code, message };
    }
  }

  /** Reads the bytes of a result, if it can still count. */
  async function receive(result: SubmittedUnit, parts: AsyncIterable<Uint8Array>): Promise<Outcome> {
    const { outcome } = result;
    if ("error" in outcome) return { kind: "failed", ...outcome.error };
    if (outcome.losses.length !== result.count) {
      return { kind: "invalid", reason: `${outcome.losses.length} losses came for ${result.count} steps` };
    }
    const key = unitKey(result);
    const base = trainings.base(key);
    if (base === undefined || !canCount(machine.state, result.worker, result.lease, result)) {
      return describeClaim(outcome.digest, outcome.losses);
    }
    try {
      const began = clock.elapsed();
      const state = await readState(parts, outcome, base.bytes, clock, silenceMs);
      observer.exchanged("received", state.bytes.byteLength, (clock.elapsed() - began) / 1000);
      const read = { state, losses: outcome.losses };
      const described = await describeResult(read);
      trainings.keep(key, described.digest, read);
      return described;
    } catch (thrown) {
      if (thrown instanceof InvalidResult) return { kind: "invalid", reason: thrown.message };
      throw thrown;
    }
  }

  function checkPresent(worker: string): void {
    if (machine.state.workers.get(worker)?.present !== true) throw unknownWorker(worker);
  }

  async function close(): Promise<void> {
    ticks.cancel();
    trainings.close(new UncoupleError("cancelled", "the trainer is stopping"));
    polls.close();
    beats.close();
    await local.close();
  }

  return {
    open: (request) => trainings.open(request),
    async join(who) {
      if (closing !== undefined) throw new UncoupleError("unavailable", "the trainer is stopping");
      const refusal = refusalOf(who, settings, machine.state);
      if (refusal !== undefined) return refusal;
      joined++;
      const worker = `w${incarnation}-${joined}`;
      machine.dispatch({ type: "joined", worker, who });
      return { worker, incarnation, pipeline, component, beatMs, silenceMs };
    },
    beat: (incoming, signal) => beats.open(incoming, signal),
    async lease(worker, signal) {
      const lease = await polls.wait(worker, signal);
      const job = lease === undefined ? undefined : trainings.job(lease.job);
      if (lease === undefined || job === undefined) return undefined;
      if (signal.aborted) {
        // The worker left at this moment and will not hear of its unit.
        machine.dispatch({ type: "returned", worker, lease: lease.id });
        return undefined;
      }
      const { id, slot, first, count, base, engine } = lease;
      return { lease: id, job: lease.job, work: job.job, slot, first, count, base, engine };
    },
    async fetch(worker, digest) {
      checkPresent(worker);
      const blob = blobs.get(digest);
      if (blob === undefined) throw new UncoupleError("not-found", `no open training names the bytes ${digest}`);
      const isSpilled = "path" in blob;
      observer.exchanged("sent", isSpilled ? blob.size : blob.bytes.byteLength);
      return isSpilled ? { size: blob.size, chunks: () => fileChunks(blob.path) } : blob.bytes;
    },
    async submit(result, parts) {
      const { worker, lease, seconds, job, slot, first, count, base } = result;
      const unit = { job, slot, first, count, base };
      const granted = machine.state.leases.get(lease);
      const outcome = await receive(result, parts);
      submissions++;
      const submission = `submission-${submissions}`;
      machine.dispatch({ type: "submitted", worker, lease, unit, outcome, seconds, submission });
      const { fate, reason } = answers.get(submission) as { readonly fate: UnitFate; readonly reason: string };
      answers.delete(submission);
      if (granted?.kind === "unit" && (fate === "applied" || fate === "duplicate")) {
        const overheadSeconds = Math.max(0, (clock.elapsed() - granted.grantedAt) / 1000 - seconds);
        observer.ran({ by: "worker", seconds, overheadSeconds });
      }
      return { fate, reason };
    },
    async returnUnit(worker, lease) {
      machine.dispatch({ type: "returned", worker, lease });
    },
    listWorkers: async () => ({
      workers: viewWorkers(machine.state, clock.elapsed()),
      waiting: unitsWaiting(machine.state),
    }),
    metrics: () => viewMetrics(machine.state),
    waitingFor: () => viewWaiting(machine.state, clock.elapsed()),
    close() {
      closing ??= close();
      return closing;
    },
  };
}
