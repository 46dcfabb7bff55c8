import { async } from "./async.ts";
import type { Protocol } from "./protocol.ts";

export const sync: Protocol = {
  ...async,
  name: "sync",
  summary: "As async, but one component trains at a time and dependants retrain after every upstream update.",
  equation: "min_M  E L(M(x2, zhat), y),  zhat := M1^newest(x1)                             (paper, Eq. 3)",
  advice:
    "The pipeline is consistent and (largely) aligned, since nothing runs on predictions that it was not trained on. " +
    "The price is the organization's time: teams wait for one another. Use it where retraining is cheap and one owner " +
    "can schedule everybody.",
  coordinated: true,
};
