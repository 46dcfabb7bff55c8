import { UncoupleError } from "../../common/errors.ts";
import type { Component, LoggedActions } from "../../pipeline/pipeline.ts";
import type { Column, NumericColumn, Table } from "../table/table.ts";

/**
 * The column that a component's own loss compares with: its target column, or, if only the reward of the action taken is
 * known, an unbiased estimate of the reward of every action.
 *
 * @throws UncoupleError `invalid-argument` for a missing column, `failed-precondition` for a logged action that is not
 *   among the output's actions, or a propensity outside (0, 1]
 */
export function targetColumn(component: Component, table: Table, block: TargetBlock = {}): Column {
  const { logged } = component;
  if (logged === undefined) return columnOf(component, table, component.target);
  return estimatedRewards(component, logged, table, block);
}

/** Where a table is a part of another one. */
export interface TargetBlock {
  /** Number of its first row, for messages. */
  readonly from?: number;
  /** The mean reward of all rows; default: of these. */
  readonly baseline?: number | undefined;
}

/** The logged rewards of each row's actions. */
export interface LoggedRewards {
  /** [rows * output width]: the reward at the action taken, 0 elsewhere. */
  readonly rewards: Float32Array;
  /** [rows * output width]: 1 at the action taken, 0 elsewhere. */
  readonly observed: Float32Array;
  /** [rows], in (0, 1]. */
  readonly propensity: Float32Array;
}

/**
 * Reads the logged actions, rewards and propensities.
 * @param from number of the first row, for messages
 * @throws UncoupleError as `targetColumn`
 */
export function loggedRewards(component: Component, logged: LoggedActions, table: Table, from = 0): LoggedRewards {
  const { width } = component.output;
  const action = actionsOf(component, columnOf(component, table, logged.action), logged.action);
  const reward = scalars(component, table, component.target);
  const propensity = scalars(component, table, logged.propensity);
  const rewards = new Float32Array(table.rows * width);
  const observed = new Float32Array(table.rows * width);
  for (let row = 0; row < table.rows; row++) {
    const p = propensity[row] as number;
    if (!(p > 0 && p <= 1)) {
      const what = `row ${from + row + 1} is ${p}; the probability of the action must be greater than 0 and at most 1`;
      throw refuse(component, logged.propensity, what);
    }
    const a = action(row);
    if (a < 0)
      throw refuse(component, logged.action, `row ${from + row + 1} is not one of the ${width} actions of the output`);
    rewards[row * width + a] = reward[row] as number;
    observed[row * width + a] = 1;
  }
  return { rewards, observed, propensity };
}

/**
 * Inverse propensity scoring with the mean reward b as control variate: b + [a = logged] (r - b) / p for every action a
 * (Horvitz and Thompson 1952; Dudik, Langford and Li 2011, with a constant model of the reward). Its expectation over
 * the logging policy is the reward of every action, with a far smaller variance than [a = logged] r / p.
 *
 * @returns [rows * output width]
 */
function estimatedRewards(
  component: Component,
  logged: LoggedActions,
  table: Table,
  { from, baseline: known }: TargetBlock,
): NumericColumn {
  const { width } = component.output;
  const { rewards, observed, propensity } = loggedRewards(component, logged, table, from);
  const baseline = known ?? addMeanReward(0, rewards, table.rows);
  const values = rewards.map((reward, i) =>
    observed[i] === 0 ? baseline : baseline + (reward - baseline) / (propensity[Math.floor(i / width)] as number),
  );
  return { kind: "numeric", width, values };
}

/** Adds rewards to the mean reward of all rows, in their order. @param rewards as `LoggedRewards` has them @param rows all */
export function addMeanReward(mean: number, rewards: Float32Array, rows: number): number {
  let sum = mean;
  for (const value of rewards) sum += value / Math.max(1, rows);
  return sum;
}

/** Returns a function from a row to the coordinate of its action, or -1. */
function actionsOf(component: Component, column: Column, name: string): (row: number) => number {
  const { classes, width } = component.output;
  if (column.kind === "categorical") {
    const places = column.dictionary.map((text) => classes?.indexOf(text) ?? -1);
    return (row) => places[column.codes[row] as number] as number;
  }
  if (column.width !== 1)
    throw refuse(component, name, `has width ${column.width}; an action must be one number or one string`);
  return (row) => {
    const value = column.values[row] as number;
    return Number.isInteger(value) && value >= 0 && value < width ? value : -1;
  };
}

function scalars(component: Component, table: Table, name: string): Float32Array {
  const column = columnOf(component, table, name);
  if (column.kind === "numeric" && column.width === 1) return column.values;
  throw refuse(component, name, "must have one number per row");
}

function columnOf(component: Component, table: Table, name: string): Column {
  const column = table.columns[name];
  if (column !== undefined) return column;
  throw new UncoupleError(
    "invalid-argument",
    `component ${component.name}: target column ${name} not found in the data`,
  );
}

function refuse(component: Component, column: string, what: string): UncoupleError {
  return new UncoupleError("failed-precondition", `component ${component.name}: target column ${column}: ${what}`);
}
