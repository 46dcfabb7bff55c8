import type { Scenario, ScriptedEvent, Team } from "./scenario.ts";

/** The organization between two splits. */
export interface Stage {
  /** When it begins, in ticks. */
  readonly from: number;
  /** The team that was split, and the two that took its place; the first stage has none. */
  readonly split?: TeamSplit;
  /** In topological order. */
  readonly teams: readonly StagedTeam[];
}

export interface TeamSplit {
  readonly team: string;
  readonly into: readonly [first: string, second: string];
}

/** A team, and what its component is to learn. */
export interface StagedTeam extends Team {
  /**
   * The names of true functions. Each but the first reads the one before, and the last is the component's target. There are
   * several while the team is yet to be split: one model stands for their composition.
   */
  readonly functions: readonly string[];
}

/** A team, and when it exists. */
export interface TeamLife {
  readonly team: StagedTeam;
  /** In ticks; infinity for a team that is not split. */
  readonly from: number;
  readonly to: number;
  /** The team that was split; undefined for a team of the start. */
  readonly parent?: string;
}

/** The stages of an organization, in order of time. The last has one true function for each team. */
export function stagesOf({ teams, events }: Pick<Scenario, "teams" | "events">): readonly [Stage, ...Stage[]] {
  const splits = splitsOf(events.scripted);
  const parts = new Map(splits.map(({ team, into }) => [team, into]));
  const functionsOf = (name: string): readonly string[] => parts.get(name)?.flatMap(functionsOf) ?? [name];
  const staged = (team: Team): StagedTeam => ({ ...team, functions: functionsOf(team.name) });
  const stages: [Stage, ...Stage[]] = [{ from: 0, teams: teams.map(staged) }];
  for (const split of splits) {
    const { team: name, into, tick } = split;
    const [first, second] = into;
    const before = (stages.at(-1) as Stage).teams;
    const after = before.flatMap((team): readonly Team[] =>
      team.name === name
        ? [
            { ...team, name: first },
            { ...team, name: second, reads: [first] },
          ]
        : [{ ...team, reads: team.reads.map((read) => (read === name ? second : read)) }],
    );
    stages.push({ from: tick, split: { team: name, into }, teams: after.map(staged) });
  }
  return stages;
}

/** All teams that ever exist: those of the start in their order, each followed by those that take its place. */
export function livesOf(stages: readonly Stage[]): readonly TeamLife[] {
  const lives = new Map<string, TeamLife>();
  let order: readonly string[] = (stages[0] as Stage).teams.map(({ name }) => name);
  for (const { from, split, teams } of stages) {
    const parent = split && lives.get(split.team);
    if (split !== undefined && parent !== undefined) {
      lives.set(split.team, { ...parent, to: from });
      order = order.toSpliced(order.indexOf(split.team) + 1, 0, ...split.into);
    }
    for (const team of teams) {
      if (lives.has(team.name)) continue;
      lives.set(team.name, { team, from, to: Number.POSITIVE_INFINITY, ...(split && { parent: split.team }) });
    }
  }
  return order.map((name) => lives.get(name) as TeamLife);
}

/** In order of time. */
function splitsOf(scripted: readonly ScriptedEvent[]): readonly (ScriptedEvent & Pick<TeamSplit, "into">)[] {
  return scripted
    .flatMap((event) => (event.into === undefined ? [] : [{ ...event, into: event.into }]))
    .sort((a, b) => a.tick - b.tick);
}
