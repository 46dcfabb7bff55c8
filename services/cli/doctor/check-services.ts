import { asUncoupleError } from "../../common/errors.ts";
import { shortDigest } from "../../pipeline/pipeline-content.ts";
import type { ConnectOptions } from "../../rpc/client/client.ts";
import { connectEvaluator } from "../../rpc/client/evaluator-client.ts";
import { connectTrainer } from "../../rpc/client/trainer-client.ts";
import type { EvaluatorStatus } from "../../rpc/services/evaluator-service.ts";
import { askedText, isWornOut, WORN_OUT } from "../text/generation-text.ts";
import { type Check, checksOf } from "./check.ts";

const { ok, warning, failure } = checksOf("services");
const versions = checksOf("versions");

/** What the status of a trainer or evaluator has in common. */
interface Status {
  readonly state: string;
  readonly version: string | null;
  readonly pipelineDigest: string | null;
  readonly appliedDigest: string | null;
}

/** @param version of this program */
export async function checkTrainer(address: string, options: ConnectOptions, version: string): Promise<Check[]> {
  const trainer = connectTrainer(address, options);
  try {
    const checks: Check[] = [];
    for (const component of await trainer.components()) {
      checks.push(...(await checkComponent(address, component, options, version)));
    }
    return checks;
  } catch (error) {
    return [unreachable(`trainer at ${address}`, error)];
  } finally {
    trainer.close();
  }
}

async function checkComponent(
  address: string,
  component: string,
  options: ConnectOptions,
  version: string,
): Promise<Check[]> {
  const trainer = connectTrainer(address, options, component);
  const name = `trainer of ${component} at ${address}`;
  try {
    const status = await trainer.status();
    const { problem } = status;
    if (problem !== null) return [failure(name, `cannot start: ${problem}`, "correct it; the trainer tries again")];
    return checkStatus(name, status, version);
  } catch (error) {
    return [unreachable(name, error)];
  } finally {
    trainer.close();
  }
}

/** @param version of this program */
export async function checkEvaluator(address: string, options: ConnectOptions, version: string): Promise<Check[]> {
  const evaluator = connectEvaluator(address, options);
  try {
    const name = `evaluator at ${address}`;
    const status = await evaluator.status();
    return [...checkStatus(name, status, version), ...checkHeldOut(name, status)];
  } catch (error) {
    return [unreachable(`evaluator at ${address}`, error)];
  } finally {
    evaluator.close();
  }
}

function unreachable(name: string, error: unknown): Check {
  return failure(name, asUncoupleError(error).message, "start it, or correct its address and --tls-ca");
}

/** Whether a service has the pipeline file in force and the version of this program. */
function checkStatus(name: string, status: Status, version: string): Check[] {
  const { state, pipelineDigest: own, appliedDigest: applied } = status;
  const isOther = own !== null && applied !== null && own !== applied;
  return [
    isOther
      ? failure(
          name,
          `is not ready: it has the pipeline file ${shortDigest(own)}, and ${shortDigest(applied)} is in force`,
          "restart it with the file in force, which `uncouple pipeline history` shows",
        )
      : ok(name, `answers: ${state}`),
    checkVersion(name, status.version, version),
  ];
}

/** How worn the held-out rows are. */
function checkHeldOut(name: string, { heldOut }: Pick<EvaluatorStatus, "heldOut">): Check[] {
  if (heldOut === null) return [];
  const asked = askedText(heldOut);
  return [isWornOut(heldOut) ? warning(name, asked, WORN_OUT) : ok(name, asked)];
}

function checkVersion(name: string, version: string | null, own: string): Check {
  if (version === own) return versions.ok(name, version);
  const advice = "run the same version everywhere; CHANGELOG.md says what to upgrade first";
  if (version === null) return versions.unknown(name, "is of version 0.1.0 or older", advice);
  return versions.warning(name, `runs ${version}, and this command is ${own}`, advice);
}
