import { CHAMPION } from "../../composition/in-use.ts";
import type { PipelineViewDeps } from "../../composition/pipeline-view.ts";
import { findProtocol } from "../../learning/protocols/all.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Release } from "../../pipeline/release.ts";
import type { AnnouncementMark } from "../runs/stored-run.ts";
import { type CandidateTriggerDeps, createCandidateTrigger } from "./candidate-trigger.ts";
import { triggerAtIntervals } from "./interval-trigger.ts";
import { createUpstreamTrigger, type UpstreamTriggerDeps } from "./upstream-trigger.ts";

/**
 * Queues the runs that a team wants without a person's request: when the upstream snapshots in use change, at an interval, or
 * on a candidate that a gate asks about. Its callbacks are those of the pipeline view.
 */
export interface TeamTriggers
  extends Required<Pick<PipelineViewDeps, "onAnnouncement" | "onVerdict" | "onAliasChange" | "onLedgerEntry">> {
  /** Runs the triggers until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** The team's `train.when` selects the triggers; coordinated protocols always follow their upstream. */
export function createTeamTriggers(deps: UpstreamTriggerDeps & CandidateTriggerDeps): TeamTriggers {
  const { pipeline, team } = deps;
  const { upstream } = componentNamed(pipeline, team.component);
  const followsUpstream = team.train.when === "on-upstream" || findProtocol(team.protocol.name).coordinated;
  const trigger = createUpstreamTrigger(deps);
  const candidates = createCandidateTrigger(deps);
  let firstRun: string | undefined;
  let moment: Omit<AnnouncementMark, "store"> = { position: 0, verdict: 0, alias: 0 };
  let released: Release | undefined;
  let told = true;
  /** Takes in an entry of a log, which matters if it can change what a run would pin. */
  const note = (matters: boolean, change: Partial<typeof moment>) => {
    if (matters) {
      moment = { ...moment, ...change };
      // From the first release on, only releases change what is in use.
      told &&= released !== undefined && change.release === undefined;
    }
    // The logs are followed side by side; the first announcement, which names the store, may come last.
    if (told || firstRun === undefined) return;
    told = true;
    trigger.changed({ store: firstRun, ...moment });
  };
  const isUpstream = (component: string) => followsUpstream && upstream.includes(component);
  return {
    onAnnouncement(announcement) {
      candidates.onAnnouncement(announcement);
      const { position, manifest } = announcement;
      firstRun ??= manifest.runId;
      note(isUpstream(manifest.component), { position });
    },
    onVerdict: ({ position, value }) => note(isUpstream(value.component), { verdict: position }),
    onAliasChange: ({ position, value }) =>
      note(value.alias === CHAMPION && isUpstream(value.component), { alias: position }),
    onLedgerEntry(entry) {
      candidates.onLedgerEntry(entry);
      const { value } = entry;
      if (value.entry !== "release") return;
      const before = released;
      released = value;
      const moves = upstream.some(
        (name) => before === undefined || before.composition[name] !== value.composition[name],
      );
      note(followsUpstream && moves, { release: value.number });
    },
    async run(signal) {
      const running = [candidates.run(signal)];
      if (followsUpstream) running.push(trigger.run(signal));
      if (team.train.when === "interval") running.push(triggerAtIntervals(team.train.seconds, deps, signal));
      await Promise.all(running);
    },
  };
}
