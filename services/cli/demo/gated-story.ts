import { timestamp } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { type SnapshotId, snapshotName } from "../../pipeline/manifest.ts";
import type { CandidateRun, Decision, LedgerEntry, Release } from "../../pipeline/release.ts";
import type { Run } from "../../pipeline/run.ts";
import type { Logged, PipelineMatrix, Quarantine, Verdict } from "../../pipeline/verdict.ts";
import { createLedgerState } from "../../releases/ledger-state.ts";
import { type Act, type ActListener, type ActOptions, type ActRun, POLL_MS, perform } from "./act.ts";
import type { Platform } from "./platform.ts";

/** Contents of the team files that the story submits with its runs. */
export interface GatedFiles {
  readonly initial: string;
  /** Of the team that co-trains. */
  readonly async: string;
  readonly consistent: string;
  readonly causal: string;
}

/** `retrained`: the gate asked for it. */
export type GatedRole = keyof GatedFiles | "retrained";

/** Callbacks for what the gate writes, beside those for runs and verdicts. */
export interface GateListener extends ActListener {
  /** @param releases all so far */
  decision(decision: Logged<Decision>, releases: readonly Release[]): void;
  release(release: Release, before: Release | undefined): void;
  /** The gate asks a trainer to train on a candidate. */
  request(request: CandidateRun): void;
}

export interface GatedRun extends ActRun {
  readonly role: GatedRole;
}

export interface GatedRecord {
  readonly runs: readonly GatedRun[];
  readonly verdicts: readonly Verdict[];
  readonly quarantines: readonly Quarantine[];
  /** Oldest first. */
  readonly releases: readonly Release[];
  /** In the order of the ledger. */
  readonly decisions: readonly Logged<Decision>[];
  readonly matrix: PipelineMatrix;
  /** ISO 8601. */
  readonly endedAt: string;
}

/** Timeout since the last entry of the ledger, and the last answer to a request. */
const GATE_SECONDS = 120;
/** A gate decides within milliseconds: after this time without an entry of the ledger, it waits for somebody. */
const QUIET_MS = 2_000;

/**
 * Runs the story of M1's nearly perfect update again, under a gate that enforces: it decides what is released, and asks team M2
 * to retrain where that helps. Then M2 moves to causal training.
 * @throws UncoupleError as `perform`; `deadline-exceeded` if nothing happens
 */
export function tellGatedStory(
  platform: Platform,
  files: GatedFiles,
  options: ActOptions<GateListener>,
): Promise<GatedRecord> {
  const { clock, listener } = options;
  return perform(platform, options, async (act) => {
    const gate = followGate(platform, act, options);
    const runs: GatedRun[] = [];
    const train = async (component: string, role: keyof GatedFiles): Promise<void> => {
      const trained = await act.train(component, [files[role]]);
      await act.judged(trained);
      runs.push(...trained.map((run) => ({ ...run, role })));
      for (const { manifest } of trained) await gate.settled(manifest);
    };

    listener.chapter("Under a gate, the first snapshots of M1 (linear) and M2 (async) are released without a question");
    await train("m1", "initial");
    await train("m2", "async");
    listener.chapter("Team M1 publishes the nearly perfect model, and the gate decides");
    await train("m1", "consistent");
    listener.chapter("Team M2 moves to causal training, which the gate measures with the annotated z");
    await train("m2", "causal");

    return {
      runs: [...runs, ...gate.answers.map((run) => ({ ...run, role: "retrained" as const }))],
      verdicts: [...act.verdicts.values()],
      quarantines: [...act.quarantines.values()],
      releases: gate.releases,
      decisions: gate.decisions,
      matrix: await act.matrix({}),
      endedAt: timestamp(clock),
    };
  });
}

interface FollowedGate {
  readonly releases: readonly Release[];
  readonly decisions: readonly Logged<Decision>[];
  /** Runs that the gate asked for. */
  readonly answers: readonly ActRun[];
  /** Waits until a judged snapshot is released, or the gate has decided otherwise and nothing more follows. */
  settled(snapshot: SnapshotId): Promise<void>;
}

/** Follows the ledger, and the runs that the gate asks for. */
function followGate(platform: Platform, act: Act, { clock, listener }: ActOptions<GateListener>): FollowedGate {
  const state = createLedgerState();
  const releases: Release[] = [];
  const decisions: Logged<Decision>[] = [];
  const answers: ActRun[] = [];
  const followed = new Set<string>();
  let progressAt = clock.elapsed();

  const isOpen = ({ id }: CandidateRun) => state.requests().some((request) => request.id === id);
  const isAnswered = ({ id }: CandidateRun) => answers.some(({ manifest }) => manifest.provenance.candidateRun === id);

  /** The run that a trainer starts for a request; undefined if the gate cancels it first. */
  async function runFor(request: CandidateRun): Promise<Run | undefined> {
    while (isOpen(request)) {
      act.signal.throwIfAborted();
      const runs = await platform.trainer(request.consumer).listRuns();
      const run = runs.find(({ id, trigger }) => trigger === "candidate" && !followed.has(id));
      if (run !== undefined) return run;
      await clock.sleep(POLL_MS);
    }
    return undefined;
  }

  async function followAnswer(request: CandidateRun): Promise<void> {
    const run = await runFor(request);
    if (run === undefined) return;
    followed.add(run.id);
    try {
      const answer = await act.follow(run);
      await act.judged([answer]);
      answers.push(answer);
      progressAt = clock.elapsed();
    } catch (thrown) {
      // The gate cancels the run of a request that it no longer needs.
      if (isOpen(request)) throw thrown;
    }
  }

  function note(logged: Logged<LedgerEntry>): void {
    const { position, value } = logged;
    state.note(logged);
    progressAt = clock.elapsed();
    if (value.entry === "release") {
      listener.release(value, releases.at(-1));
      releases.push(value);
    }
    if (value.entry === "decision") {
      decisions.push({ position, value });
      listener.decision({ position, value }, releases);
    }
    if (value.entry === "candidate-run" && value.state === "requested") {
      listener.request(value);
      act.background(() => followAnswer(value));
    }
  }

  function isSettled({ component, serial }: SnapshotId): boolean {
    const release = state.release();
    if ((release?.composition[component] ?? 0) >= serial) return true;
    if (act.quarantines.has(snapshotName({ component, serial }))) return true;
    const decision = state.decisionOn({ [component]: serial })?.value;
    if (decision === undefined || decision.release !== release?.number) return false;
    return state.requests().every(isAnswered) && clock.elapsed() - progressAt > QUIET_MS;
  }

  act.background(async () => {
    for await (const entry of platform.backplane.ledger.watch(0, act.signal)) note(entry);
  });
  return {
    releases,
    decisions,
    answers,
    async settled(snapshot) {
      progressAt = clock.elapsed();
      while (!isSettled(snapshot)) {
        act.signal.throwIfAborted();
        if (clock.elapsed() - progressAt > GATE_SECONDS * 1000) {
          const message = `the gate did not decide on ${snapshotName(snapshot)} within ${GATE_SECONDS} s`;
          throw new UncoupleError("deadline-exceeded", message);
        }
        await clock.sleep(POLL_MS);
      }
    },
  };
}
