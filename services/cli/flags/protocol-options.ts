import { InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";

export type Parameters = Readonly<Record<string, number | string>>;

/** Collects `--param name=value`; numeric values become numbers. @throws InvalidArgumentError */
export function collectParameter(text: string, previous: Parameters = {}): Parameters {
  const [, name, value] = /^([A-Za-z][\w-]*)=(.+)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new InvalidArgumentError("Expected NAME=VALUE, for example sigma=0.15.");
  }
  if (Object.hasOwn(previous, name)) throw new InvalidArgumentError(`Parameter ${name} is given twice.`);
  const number = Number(value);
  return { ...previous, [name]: value.trim() === "" || Number.isNaN(number) ? value : number };
}

/** @throws UncoupleError `invalid-argument` for parameters without a protocol */
export function protocolOf(name: string | undefined, parameters: Parameters): ProtocolSpec | undefined {
  if (name !== undefined) return { name, parameters };
  if (Object.keys(parameters).length === 0) return undefined;
  throw new UncoupleError("invalid-argument", "--param requires a protocol; add --protocol NAME");
}

/** `proximal lambda=1 sigma=0.15` */
export function formatProtocol({ name, parameters }: ProtocolSpec): string {
  return [name, ...Object.entries(parameters).map(([key, value]) => `${key}=${value}`)].join(" ");
}
