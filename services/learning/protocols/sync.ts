import { async } from "./async.ts";
import type { Protocol } from "./protocol.ts";

export const sync: Protocol = {
  ...async,
  name: "sync",
  summary: "Like async, but one component trains at a time, and dependents retrain after every upstream update.",
  equation: "min_M  E L(M(x2, zhat), y),  zhat := M1^newest(x1)                             (paper, Eq. 3)",
  advice:
    "The pipeline is consistent and (largely) aligned, because every component runs on the predictions that it was " +
    "trained on. The price is time: teams wait for each other. Use it if retraining is cheap and one owner schedules " +
    "all teams.",
  coordinated: true,
};
