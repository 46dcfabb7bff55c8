#!/usr/bin/env node
import { exitCodes } from "../runtime/exit-codes.ts";

/** Matches `engines` in package.json. */
const MINIMUM = { major: 20, minor: 20 } as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > MINIMUM.major || (major === MINIMUM.major && minor >= MINIMUM.minor)) {
  // Imported dynamically, because an older Node fails to load the rest.
  await import("./process.ts");
} else {
  process.stderr.write(
    `uncouple: requires Node ${MINIMUM.major}.${MINIMUM.minor} or newer; this is Node ${process.versions.node} (${process.execPath})\n`,
  );
  process.exitCode = exitCodes["failed-precondition"];
}
