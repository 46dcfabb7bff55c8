import { cars } from "./cars.ts";
import { diamonds } from "./diamonds.ts";
import { health } from "./health.ts";
import { housing } from "./housing.ts";
import { nations } from "./nations.ts";
import { penguins } from "./penguins.ts";
import { strikes } from "./strikes.ts";
import { tumors } from "./tumors.ts";
import { votes } from "./votes.ts";
import { weather } from "./weather.ts";
import type { WildPipeline } from "./wild-pipeline.ts";

/** All pipelines of the benchmark, in the order of its page. */
export const wildPipelines: readonly WildPipeline[] = [
  housing,
  diamonds,
  cars,
  penguins,
  nations,
  tumors,
  votes,
  weather,
  strikes,
  health,
];
