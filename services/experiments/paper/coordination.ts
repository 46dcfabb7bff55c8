import { findProtocol } from "../../learning/protocols/all.ts";
import { createMemoryLeases } from "../../registry/memory/leases.ts";

/** The coordination cost of training all components in parallel under a protocol. */
export interface Coordination {
  /** Requests, grants and releases of the training lease, and requests to retrain. */
  readonly messages: number;
  /** Steps during which a team waited while a different one trained. */
  readonly waitedSteps: number;
  /** Total number of training steps. */
  readonly trainedSteps: number;
}

/** One team's training. */
export interface TeamWork {
  readonly component: string;
  readonly steps: number;
  readonly upstream: readonly string[];
}

/**
 * Simulates all teams starting to train once at the same time. Under a coordinated protocol, teams train one at a time
 * under the real lease, and dependents retrain after each publication. Counts time in steps, so that the result is the
 * same on every machine.
 */
export async function measureCoordination(protocolName: string, teams: readonly TeamWork[]): Promise<Coordination> {
  const { coordinated } = findProtocol(protocolName);
  const never = new AbortController().signal;
  const leases = createMemoryLeases(never);
  /** Time at which the last holder of the lease finished. Uncoordinated teams do not wait for it. */
  let leaseFree = 0;
  let messages = 0;
  let waitedSteps = 0;
  let trainedSteps = 0;
  /** @returns the time at which it finished */
  const train = async (team: TeamWork, wanted: number): Promise<number> => {
    trainedSteps += team.steps;
    if (!coordinated) return wanted + team.steps;
    const lease = await leases.acquire("train", team.component, never);
    const started = Math.max(wanted, leaseFree);
    leaseFree = started + team.steps;
    waitedSteps += started - wanted;
    await lease.release();
    messages += 3;
    return leaseFree;
  };
  const trainAndNotify = async (team: TeamWork, wanted: number): Promise<void> => {
    const done = await train(team, wanted);
    if (!coordinated) return;
    const dependents = teams.filter(({ upstream }) => upstream.includes(team.component));
    messages += dependents.length;
    await Promise.all(dependents.map((dependent) => trainAndNotify(dependent, done)));
  };
  await Promise.all(teams.map((team) => trainAndNotify(team, 0)));
  return { messages, waitedSteps, trainedSteps };
}
