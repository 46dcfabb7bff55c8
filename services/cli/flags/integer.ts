import { InvalidArgumentError } from "commander";

/** Parses an integer in a range. @throws InvalidArgumentError */
export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`Expected an integer between ${min} and ${max}.`);
    }
    return value;
  };
}
