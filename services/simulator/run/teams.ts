import type { Split, Wish } from "../world/events.ts";
import type { Agenda } from "./agenda.ts";
import type { SeedWorld } from "./seed-world.ts";
import type { TeamCalendar } from "./team-calendar.ts";
import type { WishLedger } from "./wish-ledger.ts";
import type { Workshop } from "./workshop.ts";

/** Something that happens at a time. */
export type Happening = (at: number) => Promise<void> | void;

/** When trainings start and what they lead to. */
export interface Teams {
  onWish(wish: Wish, at: number): void;
  onTick(tick: number): void;
  /** Called when the new teams have their first models in use. */
  onSplit(split: Split, at: number): Promise<void> | void;
}

export interface TeamsDeps {
  readonly world: SeedWorld;
  readonly workshop: Workshop;
  readonly calendar: TeamCalendar;
  readonly wishes: WishLedger;
  readonly agenda: Agenda<Happening>;
}
