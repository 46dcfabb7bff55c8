import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { EvaluatorService } from "../../rpc/services/evaluator-service.ts";
import type { TrainerService } from "../../rpc/services/trainer-service.ts";

/** Clients of a stack's services. */
export interface StackClients {
  /** @throws UncoupleError `not-found` for a component without a trainer */
  trainer(component: string): TrainerService;
  readonly evaluator: EvaluatorService;
  close(): void;
}

/** @param trainers gRPC addresses by component; @param evaluator its address */
export async function connectClients(
  trainers: Readonly<Record<string, string>>,
  evaluator: string,
  clock: Clock,
): Promise<StackClients> {
  const { connectTrainer } = await import("../../rpc/client/trainer-client.ts");
  const { connectEvaluator } = await import("../../rpc/client/evaluator-client.ts");
  const byComponent = new Map(
    Object.entries(trainers).map(([name, address]) => [name, connectTrainer(address, { clock }, name)]),
  );
  const remote = connectEvaluator(evaluator, { clock });
  return {
    trainer(component) {
      const found = byComponent.get(component);
      if (found !== undefined) return found;
      throw new UncoupleError("not-found", `the stack has no trainer of component ${component}`);
    },
    evaluator: remote,
    close() {
      remote.close();
      for (const trainer of byComponent.values()) trainer.close();
    },
  };
}
