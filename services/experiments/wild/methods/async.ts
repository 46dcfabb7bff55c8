import { byProtocol } from "./method.ts";

export const async = byProtocol(
  "async",
  {},
  {
    name: "async",
    summary: "fits y at the predictions",
    audited: false,
    retrains: false,
  },
);
