import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** One project per kind of test, so that the fast ones can be run alone. */
const project = (name: string, testTimeout: number) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout,
    hookTimeout: testTimeout,
  },
});

/**
 * A project whose tests run the build in dist/ where they import the sources, and so do the processes and threads that
 * they start. These start in half the time, and what is tested is what is shipped.
 */
const built = (name: string, testTimeout: number) => {
  const { test } = project(name, testTimeout);
  const dist = join(import.meta.dirname, "dist/services");
  return {
    resolve: { alias: [{ find: /^(?:\.\.\/)+services\/(.*)\.ts$/, replacement: `${dist}/$1.js` }] },
    test: {
      ...test,
      globalSetup: "test/helpers/require-build.ts",
      server: { deps: { external: [/\/dist\/services\//] } },
    },
  };
};

export default defineConfig({
  test: {
    // On two cores: many tests wait for servers, processes and time limits.
    maxWorkers: 4,
    globalSetup: "test/helpers/print-node-version.ts",
    projects: [
      project("unit", 20_000),
      project("contract", 60_000),
      built("integration", 120_000),
      built("e2e", 300_000),
      // This program beside the version before: `npm run test:versions`.
      project("versions", 120_000),
      // Clusters, power cuts and several versions of nats-server: `npm run test:nats`.
      project("nats", 600_000),
      // The engine tensorflow, with its binding: `npm run test:tensorflow`.
      project("tensorflow", 300_000),
      // Prometheus and an OpenTelemetry Collector beside a running stack: `npm run test:monitoring`.
      project("monitoring", 600_000),
      // What docs/disaster.md says, with real servers and services: `npm run test:disaster`.
      project("disaster", 600_000),
      // Rows on real databases and stores, with cut connections: `npm run test:sources`.
      project("sources", 300_000),
      // Runs and models at a real MLflow server: `npm run test:mlflow`.
      project("mlflow", 600_000),
      // Optuna drives studies of a real trainer: `npm run test:tuning`.
      project("tuning", 300_000),
      // Proofs that take minutes: `npm run test:slow`.
      project("slow", 1_800_000),
    ],
  },
});
