import type { EngineChoice } from "../pipeline/team.ts";

/** What each value of `engine` in a team file means and costs, for `uncouple explain engine`. */
export const ENGINE_EXPLANATIONS: Readonly<Record<EngineChoice, { readonly summary: string; readonly cost: string }>> =
  {
    auto: {
      summary: "The default: a GPU if there is one, otherwise wasm or onnx:cpu, chosen for each program.",
      cost: "Recording a step and estimating its time takes a few milliseconds per training.",
    },
    wasm: {
      summary: "The training step as one WebAssembly function. Gives the same bits on every machine.",
      cost:
        "The fastest for small networks, because a step has no overhead per operator. Slower than onnx:cpu for wide layers: " +
        "its vectors have 4 lanes, and one training uses one thread. At most 4 GiB per training.",
    },
    "onnx:cpu": {
      summary: "The training step as one ONNX graph, run by ONNX Runtime on the processor. Supports every operator.",
      cost:
        "The fastest for wide layers, on several threads. Each operator has an overhead, which dominates small networks. " +
        "Gives the same bits on processors with the same instruction set.",
    },
    "onnx:webgpu": {
      summary: "The same graph on a GPU through Vulkan, Metal or Direct3D 12.",
      cost: "Pays for very wide layers only. Gives the same bits on the same GPU.",
    },
    "onnx:cuda": {
      summary: "The same graph on an NVIDIA GPU.",
      cost: "Needs CUDA, cuDNN and ONNX Runtime's CUDA libraries. Transfers data and state with every chunk of steps.",
    },
    onnx: {
      summary: "ONNX Runtime on a GPU if there is one, otherwise onnx:cpu.",
      cost: "As onnx:cuda, onnx:webgpu or onnx:cpu.",
    },
    tensorflow: {
      summary: "tfjs-node-gpu or tfjs-node, kernel by kernel. Supports every tfjs kernel.",
      cost: "Needs its native binding. Each kernel is a call, which dominates small networks.",
    },
    reference: {
      summary: "tfjs in plain JavaScript, kernel by kernel: the reference for testing the others.",
      cost: "Tens of times slower than the others. Gives the same bits on the same version of V8.",
    },
  };

/** How `auto` decides, in the order of its steps. */
export const AUTO_RULES: readonly string[] = [
  "A GPU that TensorFlow sees, then one that ONNX Runtime's CUDA or WebGPU provider sees, runs every program.",
  "Otherwise, auto records a step of the program and compiles it to WebAssembly. If an operator is missing there, or the program with its data exceeds 4 GiB, onnx:cpu runs it.",
  "Otherwise, auto estimates the time of a step on both engines from counts of its operators, multiplications, elements and rows, with constants that were measured once (`npm run bench:crossover`). The lower estimate wins, and onnx:cpu wins a tie.",
  "Nothing is timed: the choice depends on the program alone, never on the machine's speed, load or number of processors. So every machine without a GPU takes the same engine, and a program that runs on wasm gives the same bits on all of them.",
  "Manifests, run records and logs name the engine that ran (`wasm`, never `auto`) and its numerics class.",
];
