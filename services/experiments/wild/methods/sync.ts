import { byProtocol } from "./method.ts";

export const sync = byProtocol(
  "sync",
  {},
  {
    name: "sync",
    summary: "fits y at the predictions and trains again after every upstream update",
    audited: false,
    retrains: true,
  },
);
