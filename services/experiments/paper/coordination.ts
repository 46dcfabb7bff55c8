import { findProtocol } from "../../learning/protocols/all.ts";
import { createMemoryLeases } from "../../registry/memory/leases.ts";

/** What training all components in parallel costs a protocol in coordination. */
export interface Coordination {
  /** Requests, grants and hand-backs of the training lease, and orders to retrain. */
  readonly messages: number;
  /** Steps that one component's team waited while another trained. */
  readonly waitedSteps: number;
  /** Steps trained by all. */
  readonly trainedSteps: number;
}

/** One team's training, cut into stretches; awaits nothing but its own work. */
export interface TeamWork {
  readonly component: string;
  readonly steps: number;
  readonly upstream: readonly string[];
}

/**
 * Lets every team train once, all starting together, and under a coordinated protocol lets the dependants retrain
 * after each publication, one at a time under the real lease. Time is counted in steps, so that the result is the same
 * on every machine.
 */
export async function measureCoordination(protocolName: string, teams: readonly TeamWork[]): Promise<Coordination> {
  const { coordinated } = findProtocol(protocolName);
  const never = new AbortController().signal;
  const leases = createMemoryLeases(never);
  /** When the lease's last holder was done; teams that need no lease start when they like. */
  let leaseFree = 0;
  let messages = 0;
  let waitedSteps = 0;
  let trainedSteps = 0;
  /** @returns when it was done */
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
  const trainAndTell = async (team: TeamWork, wanted: number): Promise<void> => {
    const done = await train(team, wanted);
    if (!coordinated) return;
    const dependants = teams.filter(({ upstream }) => upstream.includes(team.component));
    messages += dependants.length;
    await Promise.all(dependants.map((dependant) => trainAndTell(dependant, done)));
  };
  await Promise.all(teams.map((team) => trainAndTell(team, 0)));
  return { messages, waitedSteps, trainedSteps };
}
