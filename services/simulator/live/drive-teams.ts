import type { Clock } from "../../common/clock/clock.ts";
import { asUncoupleError, type ErrorCode, UncoupleError } from "../../common/errors.ts";
import type { Run } from "../../pipeline/run.ts";
import { createTeamCalendar } from "../run/team-calendar.ts";
import type { Wish, WorldEvents } from "../world/events.ts";
import type { FirstModel } from "../world/first-models.ts";
import type { LiveTraining } from "./live-files.ts";

/** A team's trainer. */
export interface LiveTeam {
  /** Queues a training. @throws UncoupleError if the trainer refuses it or cannot be reached */
  start(training: LiveTraining): Promise<Run>;
  /** Waits for the end of a run, however often its trainer restarts. @throws UncoupleError if the trainer has lost it */
  ended(run: Run): Promise<Run>;
}

/** A training that was asked for. */
export interface AskedRun {
  readonly component: string;
  /** `start`: the first model of a component. */
  readonly cause: "start" | "wish";
  /** Its last known state; undefined: the trainer refused it, or has not answered yet. */
  readonly run: Run | undefined;
  /** Why the trainer refused it, or no longer knows it. */
  readonly refusal?: { readonly code: ErrorCode; readonly message: string };
}

export interface DriveOptions {
  /** The first model of every team. */
  readonly first: readonly FirstModel[];
  readonly events: WorldEvents;
  /** Milliseconds of a tick. */
  readonly tickMs: number;
  readonly ticks: number;
  readonly clock: Clock;
  team(name: string): LiveTeam;
  /** Ends the drive: no further training is asked for. */
  readonly stop: AbortSignal;
}

export interface Drive {
  /**
   * Trains the first models, each after those that it reads.
   * @throws UncoupleError `failed-precondition` if one fails, because nothing downstream can be trained then
   */
  begin(): Promise<void>;
  /**
   * Asks for what the teams wish, at their times from now on, and resolves when the time is over and everything that was asked
   * for has ended. As in virtual time, a team trains one model at a time, and one training serves the wishes that waited.
   */
  replay(): Promise<void>;
  /** In the order in which they were asked for. */
  asked(): readonly AskedRun[];
  /** Wishes whose time has come, and those of them that a training serves. */
  wishes(): { readonly due: number; readonly served: number };
}

export function createDrive(options: DriveOptions): Drive {
  const { events, first, tickMs, ticks, clock, stop } = options;
  const calendar = createTeamCalendar(events.outages);
  const asked: AskedRun[] = [];
  let replayed: number | undefined;
  let served = 0;
  /** Of the teams, in ticks. */
  const now = () => (replayed === undefined ? 0 : (clock.elapsed() - replayed) / tickMs);

  async function ask(training: LiveTraining, cause: AskedRun["cause"]): Promise<AskedRun> {
    const component = training.team;
    const place = asked.length;
    const note = (change: AskedRun) => {
      asked[place] = change;
      return change;
    };
    note({ component, cause, run: undefined });
    const team = options.team(component);
    let run: Run;
    try {
      run = await team.start(training);
    } catch (thrown) {
      const { code, message } = asUncoupleError(thrown);
      return note({ component, cause, run: undefined, refusal: { code, message } });
    }
    note({ component, cause, run });
    try {
      return note({ component, cause, run: await team.ended(run) });
    } catch (thrown) {
      const { code, message } = asUncoupleError(thrown);
      return note({ component, cause, run, refusal: { code, message } });
    }
  }

  async function follow(name: string): Promise<void> {
    const wishes = events.wishes.filter(({ team }) => team === name);
    for (let next = 0; next < wishes.length; ) {
      const at = calendar.nextAtWork(name, Math.max(now(), (wishes[next] as Wish).at));
      if (at >= ticks || !(await reaches(at))) return;
      const waiting = wishes.slice(next).filter((wish) => wish.at <= now());
      next += waiting.length;
      served += waiting.length;
      const { hidden, steps, seed } = waiting.at(-1) as Wish;
      await ask({ team: name, hidden, steps, seed }, "wish");
    }
  }

  /** @returns false if the drive is stopped first */
  async function reaches(at: number): Promise<boolean> {
    while (!stop.aborted && now() < at) {
      await clock.sleep((at - now()) * tickMs, stop).catch(() => {});
    }
    return !stop.aborted;
  }

  return {
    async begin() {
      const trained = new Map<string, Promise<void>>();
      for (const model of first) {
        const { team: name, reads } = model;
        const train = async () => {
          await Promise.all(reads.map((other) => trained.get(other) as Promise<void>));
          if (stop.aborted) return;
          const { run, refusal } = await ask(model, "start");
          if (run?.state === "succeeded") return;
          const why = refusal?.message ?? run?.error?.message ?? "no reason";
          throw new UncoupleError("failed-precondition", `the first training of ${name} failed: ${why}`);
        };
        const training = train();
        training.catch(() => {});
        trained.set(name, training);
      }
      await Promise.all(trained.values());
    },
    async replay() {
      replayed = clock.elapsed();
      await Promise.all([...first.map(({ team }) => follow(team)), reaches(ticks)]);
    },
    asked: () => asked,
    wishes() {
      const time = Math.min(now(), ticks);
      const due = replayed === undefined ? 0 : events.wishes.filter(({ at }) => at <= time).length;
      return { due, served };
    },
  };
}
