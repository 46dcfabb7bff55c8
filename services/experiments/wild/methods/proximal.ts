import { byProtocol } from "./method.ts";

export const proximal = byProtocol(
  "proximal",
  {},
  {
    name: "proximal",
    summary: "fits y at the predictions plus noise",
    audited: false,
    retrains: false,
  },
);
