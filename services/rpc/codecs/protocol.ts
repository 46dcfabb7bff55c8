import { type ErrorCode, UncoupleError } from "../../common/errors.ts";
import type { ProtocolSpec } from "../../pipeline/team.ts";
import type { ParameterValue, ParameterValue__Output } from "../gen/uncouple/v1/ParameterValue.ts";
import type { Protocol, Protocol__Output } from "../gen/uncouple/v1/Protocol.ts";

export function encodeProtocol(protocol: ProtocolSpec): Protocol {
  const parameters: Record<string, ParameterValue> = {};
  for (const [name, value] of Object.entries(protocol.parameters)) {
    parameters[name] = typeof value === "number" ? { number: value } : { text: value };
  }
  return { name: protocol.name, parameters };
}

/** @throws UncoupleError with the given code for a parameter without a value */
export function decodeProtocol(message: Protocol__Output, code: ErrorCode): ProtocolSpec {
  const value = (name: string, parameter: ParameterValue__Output): number | string => {
    const found = parameter.value === "text" ? parameter.text : parameter.number;
    if (found !== undefined) return found;
    throw new UncoupleError(code, `protocol ${message.name}: parameter ${name} has no value`);
  };
  const parameters = Object.entries(message.parameters).map(
    ([name, parameter]) => [name, value(name, parameter)] as const,
  );
  return { name: message.name, parameters: Object.fromEntries(parameters) };
}
