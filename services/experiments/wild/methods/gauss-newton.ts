import { byProtocol } from "./method.ts";

export const gaussNewton = byProtocol(
  "gauss-newton",
  {},
  {
    name: "gauss-newton",
    summary: "fits y at the calibrated values by the linearized prediction",
    audited: true,
    retrains: false,
  },
);
