import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import { type EncodedDataset, encodeDataset } from "../dataset/encoded-dataset.ts";
import type { PreparedInputs } from "../programs/training-program.ts";
import { findProtocol } from "../protocols/all.ts";
import type { ProtocolNeeds } from "../protocols/protocol.ts";
import { doublyRobust } from "./doubly-robust.ts";
import { imputedInputs } from "./imputed-inputs.ts";
import { fitContext, prepareInputs } from "./prepare-inputs.ts";
import type { ComponentTraining } from "./training-backend.ts";

/**
 * A training for which all work that needs snapshots, an oracle or audited rows is done. Plain data that can be sent to
 * another process.
 */
export interface PreparedTraining {
  readonly team: TeamConfig;
  readonly dataset: Omit<EncodedDataset, "logged">;
  readonly needs: ProtocolNeeds;
  readonly prepared: PreparedInputs;
}

/**
 * Imputes, encodes, and prepares what the protocol needs. Deterministic, so that a resumed run can repeat it.
 *
 * @throws UncoupleError `failed-precondition` (no upstream snapshot, no counterfactual source, a target that does not
 *   fit); the reason of the signal once it is aborted
 */
export async function prepareTraining(training: ComponentTraining): Promise<PreparedTraining> {
  const { pipeline, team, table } = training;
  const component = pipeline.components.find(({ name }) => name === team.component) as Component;
  const imputed = await imputedInputs(training, component, table);
  // Long steps block this thread.
  await yieldToEventLoop();
  const encoded = await encodeDataset(component, table, imputed);
  const dataset =
    encoded.logged === undefined ? encoded : await doublyRobust(encoded, encoded.logged, fitContext(training));
  await yieldToEventLoop();
  const protocol = findProtocol(team.protocol.name);
  const needs = protocol.needs(team.protocol.parameters, {
    hasUpstream: component.upstream.length > 0,
    isConsumed: pipeline.components.some(({ upstream }) => upstream.includes(component.name)),
  });
  const prepared = await prepareInputs(training, dataset, needs, imputed);
  const { logged: _, ...trained } = dataset;
  return { team, dataset: trained, needs, prepared };
}
