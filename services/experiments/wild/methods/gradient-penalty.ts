import { byProtocol } from "./method.ts";

export const gradientPenalty = byProtocol(
  "gradient-penalty",
  {},
  {
    name: "gradient-penalty",
    summary: "fits y and penalizes sensitivity to the predictions",
    audited: false,
    retrains: false,
  },
);
