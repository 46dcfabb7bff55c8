import { findProtocol } from "../../learning/protocols/all.ts";
import { componentNamed } from "../../pipeline/dag.ts";
import type { Announcement } from "../../registry/registry.ts";
import { triggerAtIntervals } from "./interval-trigger.ts";
import { createUpstreamTrigger, type UpstreamTriggerDeps } from "./upstream-trigger.ts";

/** Queues the runs that a team wants without a request: on upstream snapshots, or at an interval. */
export interface TeamTriggers {
  /** Called for each announcement of the pipeline, from the first, in order. */
  onAnnouncement(announcement: Announcement): void;
  /** Runs the triggers until the signal aborts. */
  run(signal: AbortSignal): Promise<void>;
}

/** The team's `train.when` selects the triggers; coordinated protocols always follow their upstream. */
export function createTeamTriggers(deps: UpstreamTriggerDeps): TeamTriggers {
  const { pipeline, team } = deps;
  const { upstream } = componentNamed(pipeline, team.component);
  const followsUpstream = team.train.when === "on-upstream" || findProtocol(team.protocol.name).coordinated;
  const trigger = createUpstreamTrigger(deps);
  let firstRun: string | undefined;
  return {
    onAnnouncement({ position, manifest }) {
      firstRun ??= manifest.runId;
      if (!followsUpstream || !upstream.includes(manifest.component)) return;
      trigger.announced({ store: firstRun, position });
    },
    async run(signal) {
      const running: Promise<void>[] = [];
      if (followsUpstream) running.push(trigger.run(signal));
      if (team.train.when === "interval") running.push(triggerAtIntervals(team.train.seconds, deps, signal));
      await Promise.all(running);
    },
  };
}
