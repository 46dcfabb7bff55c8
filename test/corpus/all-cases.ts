import { bombs } from "./bombs.ts";
import { brokenModels } from "./broken-models.ts";
import type { CorpusCase } from "./corpus-case.ts";
import { externalData } from "./external-data.ts";
import { forbiddenModels } from "./forbidden-models.ts";
import { rowLeaks } from "./row-leaks.ts";
import { wrongContracts } from "./wrong-contracts.ts";

/**
 * The corpus: models that would harm whoever runs them, or that are of no use.
 *
 * @param location of the canary file, as models with external data name it
 */
export function corpus(location: string): readonly CorpusCase[] {
  return [
    ...externalData(location),
    ...brokenModels(),
    ...forbiddenModels(),
    ...bombs(),
    ...wrongContracts(),
    ...rowLeaks(),
  ];
}
