import type { CounterfactualOracle, DenseLayer } from "../../data/source/oracle.ts";

/**
 * The composition of two true functions as one: `second` with the output of `first` as its last input. The other inputs of
 * `second` pass the hidden layers of `first` as ReLU(x) and ReLU(-x), and the last layer of `first`, which is linear, is
 * multiplied into the first one of `second`. Equal to evaluating one after the other, up to rounding to float32.
 */
export function composedOracle(first: CounterfactualOracle, second: CounterfactualOracle): CounterfactualOracle {
  const own = second.inputs.slice(0, -1);
  const others = own.reduce((sum, { width }) => sum + width, 0);
  const [head, ...rest] = second.layers as [DenseLayer, ...DenseLayer[]];
  const last = first.layers.at(-1) as DenseLayer;
  return {
    inputs: [...first.inputs, ...own],
    layers: [
      ...first.layers
        .slice(0, -1)
        .map((layer, at) => (at === 0 ? passing(layer, others, [1, -1]) : passing(layer, 2 * others, [1]))),
      merged(last, head, others),
      ...rest,
    ],
  };
}

/** The layer, and after its inputs others, which it outputs in `signs`: as they are, or as they are and negated. */
function passing(layer: DenseLayer, others: number, signs: readonly number[]): DenseLayer {
  return layerOf(layer.inputs + others, layer.outputs + signs.length * others, {
    weight(from, to) {
      const [input, output] = [from - layer.inputs, to - layer.outputs];
      if (input < 0 || output < 0) return input < 0 && output < 0 ? weightOf(layer, from, to) : 0;
      return output % others === input ? (signs[Math.floor(output / others)] as number) : 0;
    },
    bias: (to) => layer.bias[to] ?? 0,
  });
}

/** `head` after `last`. @param others inputs of `head` before the outputs of `last`; both signs of them arrive */
function merged(last: DenseLayer, head: DenseLayer, others: number): DenseLayer {
  const through = (value: (middle: number) => number, to: number) => {
    let sum = 0;
    for (let middle = 0; middle < last.outputs; middle++) sum += value(middle) * weightOf(head, others + middle, to);
    return sum;
  };
  return layerOf(last.inputs + 2 * others, head.outputs, {
    weight(from, to) {
      const input = from - last.inputs;
      if (input < 0) return through((middle) => weightOf(last, from, middle), to);
      return input < others ? weightOf(head, input, to) : -weightOf(head, input - others, to);
    },
    bias: (to) => (head.bias[to] as number) + through((middle) => last.bias[middle] as number, to),
  });
}

function weightOf({ weights, outputs }: DenseLayer, from: number, to: number): number {
  return weights[from * outputs + to] as number;
}

function layerOf(
  inputs: number,
  outputs: number,
  { weight, bias }: { weight(from: number, to: number): number; bias(to: number): number },
): DenseLayer {
  return {
    inputs,
    outputs,
    weights: Float32Array.from({ length: inputs * outputs }, (_, at) => weight(Math.floor(at / outputs), at % outputs)),
    bias: Float32Array.from({ length: outputs }, (_, to) => bias(to)),
  };
}
