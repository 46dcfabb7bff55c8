/**
 * The operators that a snapshot may contain, with their attributes: what Uncouple's compiler and the exporters of
 * scikit-learn, LightGBM, XGBoost and PyTorch write, as far as the operator is deterministic and bounded. Everything else
 * is refused: random operators, `Loop`, training operators, sequences (besides the output of `ZipMap`), custom domains.
 *
 * The text of an operator is the opset that introduces it, if that is above the first one supported, and its attributes
 * with their types; after each `|`, what a later opset adds or takes away. The source is ONNX's registry of operators
 * (ONNX 1.23.2); `npm run test:exporters` compares the two.
 */
const TENSOR_OPERATORS: Readonly<Record<string, string>> = {
  Abs: "",
  Acos: "",
  Acosh: "9",
  Add: "",
  And: "",
  ArgMax: "axis:int keepdims:int | 12 +select_last_index:int",
  ArgMin: "axis:int keepdims:int | 12 +select_last_index:int",
  Asin: "",
  Asinh: "9",
  Atan: "",
  Atanh: "9",
  AveragePool:
    "auto_pad:string count_include_pad:int kernel_shape:ints pads:ints strides:ints | 10 +ceil_mode:int | 19 +dilations:ints",
  BatchNormalization: "epsilon:float momentum:float spatial:int | 9 -spatial | 14 +training_mode:int",
  Cast: "to:int | 19 +saturate:int | 24 +round_mode:string",
  Ceil: "",
  Celu: "12 alpha:float",
  Clip: "max:float min:float | 11 -max -min",
  Concat: "axis:int",
  Constant:
    "value:tensor | 12 +value_float:float +value_floats:floats +value_int:int +value_ints:ints +value_string:string +value_strings:strings",
  ConstantOfShape: "9 value:tensor",
  Conv: "auto_pad:string dilations:ints group:int kernel_shape:ints pads:ints strides:ints",
  Cos: "",
  Cosh: "9",
  CumSum: "11 exclusive:int reverse:int",
  Div: "",
  Dropout: "ratio:float | 12 -ratio +seed:int",
  Einsum: "12 equation:string",
  Elu: "alpha:float",
  Equal: "",
  Erf: "9",
  Exp: "",
  Expand: "8",
  Flatten: "axis:int",
  Floor: "",
  GRU: "activation_alpha:floats activation_beta:floats activations:strings clip:float direction:string hidden_size:int linear_before_reset:int | 14 +layout:int",
  Gather: "axis:int",
  GatherElements: "11 axis:int",
  GatherND: "11 | 12 +batch_dims:int",
  Gelu: "20 approximate:string",
  Gemm: "alpha:float beta:float transA:int transB:int",
  GlobalAveragePool: "",
  GlobalMaxPool: "",
  Greater: "",
  GreaterOrEqual: "12",
  HardSigmoid: "alpha:float beta:float",
  HardSwish: "14",
  Identity: "",
  If: "else_branch:graph then_branch:graph",
  IsInf: "10 detect_negative:int detect_positive:int",
  IsNaN: "9",
  LSTM: "activation_alpha:floats activation_beta:floats activations:strings clip:float direction:string hidden_size:int input_forget:int | 14 +layout:int",
  LayerNormalization: "17 axis:int epsilon:float stash_type:int",
  LeakyRelu: "alpha:float",
  Less: "",
  LessOrEqual: "12",
  Log: "",
  LogSoftmax: "axis:int",
  LpNormalization: "axis:int p:int",
  MatMul: "",
  Max: "",
  MaxPool:
    "auto_pad:string kernel_shape:ints pads:ints strides:ints | 8 +storage_order:int | 10 +ceil_mode:int +dilations:ints",
  Mean: "",
  Min: "",
  Mish: "18",
  Mod: "10 fmod:int",
  Mul: "",
  Neg: "",
  Not: "",
  OneHot: "9 axis:int",
  Or: "",
  PRelu: "",
  Pad: "mode:string pads:ints value:float | 11 -pads -value",
  Pow: "",
  RNN: "activation_alpha:floats activation_beta:floats activations:strings clip:float direction:string hidden_size:int | 14 +layout:int",
  Range: "11 | 27 +stash_type:int",
  Reciprocal: "",
  ReduceL1: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceL2: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceLogSum: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceLogSumExp: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceMax: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceMean: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceMin: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceProd: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  ReduceSum: "axes:ints keepdims:int | 13 -axes +noop_with_empty_axes:int",
  ReduceSumSquare: "axes:ints keepdims:int | 18 -axes +noop_with_empty_axes:int",
  Relu: "",
  Reshape: "| 14 +allowzero:int",
  Round: "11",
  Scan: "9 body:graph num_scan_inputs:int scan_input_axes:ints scan_input_directions:ints scan_output_axes:ints scan_output_directions:ints",
  Selu: "alpha:float gamma:float",
  Shape: "| 15 +end:int +start:int",
  Sigmoid: "",
  Sign: "9",
  Sin: "",
  Sinh: "9",
  Slice: "axes:ints ends:ints starts:ints | 10 -axes -ends -starts",
  Softmax: "axis:int",
  Softplus: "",
  Softsign: "",
  Split: "axis:int split:ints | 13 -split | 18 +num_outputs:int",
  Sqrt: "",
  Squeeze: "axes:ints | 13 -axes",
  Sub: "",
  Sum: "",
  Tan: "",
  Tanh: "",
  ThresholdedRelu: "10 alpha:float",
  Tile: "",
  TopK: "axis:int k:int | 10 -k | 11 +largest:int +sorted:int",
  Transpose: "perm:ints",
  Trilu: "14 upper:int",
  Unsqueeze: "axes:ints | 13 -axes",
  Where: "9",
  Xor: "",
};

/** Operators of classical models. */
const ML_OPERATORS: Readonly<Record<string, string>> = {
  ArrayFeatureExtractor: "",
  Binarizer: "threshold:float",
  FeatureVectorizer: "inputdimensions:ints",
  Imputer: "imputed_value_floats:floats imputed_value_int64s:ints replaced_value_float:float replaced_value_int64:int",
  LabelEncoder:
    "classes_strings:strings default_int64:int default_string:string | 2 -classes_strings +default_float:float +keys_floats:floats +keys_int64s:ints +keys_strings:strings +values_floats:floats +values_int64s:ints +values_strings:strings | 4 +default_tensor:tensor +keys_tensor:tensor +values_tensor:tensor",
  LinearClassifier:
    "classlabels_ints:ints classlabels_strings:strings coefficients:floats intercepts:floats multi_class:int post_transform:string",
  LinearRegressor: "coefficients:floats intercepts:floats post_transform:string targets:int",
  Normalizer: "norm:string",
  OneHotEncoder: "cats_int64s:ints cats_strings:strings zeros:int",
  SVMClassifier:
    "classlabels_ints:ints classlabels_strings:strings coefficients:floats kernel_params:floats kernel_type:string post_transform:string prob_a:floats prob_b:floats rho:floats support_vectors:floats vectors_per_class:ints",
  SVMRegressor:
    "coefficients:floats kernel_params:floats kernel_type:string n_supports:int one_class:int post_transform:string rho:floats support_vectors:floats",
  Scaler: "offset:floats scale:floats",
  TreeEnsemble:
    "5 aggregate_function:int leaf_targetids:ints leaf_weights:tensor membership_values:tensor n_targets:int nodes_falseleafs:ints nodes_falsenodeids:ints nodes_featureids:ints nodes_hitrates:tensor nodes_missing_value_tracks_true:ints nodes_modes:tensor nodes_splits:tensor nodes_trueleafs:ints nodes_truenodeids:ints post_transform:int tree_roots:ints",
  TreeEnsembleClassifier:
    "base_values:floats class_ids:ints class_nodeids:ints class_treeids:ints class_weights:floats classlabels_int64s:ints classlabels_strings:strings nodes_falsenodeids:ints nodes_featureids:ints nodes_hitrates:floats nodes_missing_value_tracks_true:ints nodes_modes:strings nodes_nodeids:ints nodes_treeids:ints nodes_truenodeids:ints nodes_values:floats post_transform:string | 3 +base_values_as_tensor:tensor +class_weights_as_tensor:tensor +nodes_hitrates_as_tensor:tensor +nodes_values_as_tensor:tensor",
  TreeEnsembleRegressor:
    "aggregate_function:string base_values:floats n_targets:int nodes_falsenodeids:ints nodes_featureids:ints nodes_hitrates:floats nodes_missing_value_tracks_true:ints nodes_modes:strings nodes_nodeids:ints nodes_treeids:ints nodes_truenodeids:ints nodes_values:floats post_transform:string target_ids:ints target_nodeids:ints target_treeids:ints target_weights:floats | 3 +base_values_as_tensor:tensor +nodes_hitrates_as_tensor:tensor +nodes_values_as_tensor:tensor +target_weights_as_tensor:tensor",
  ZipMap: "classlabels_int64s:ints classlabels_strings:strings",
};

export type AttributeType = "float" | "int" | "string" | "tensor" | "graph" | "floats" | "ints" | "strings";

interface OperatorVersion {
  readonly since: number;
  readonly attributes: ReadonlyMap<string, AttributeType>;
}

export interface OperatorDomain {
  /** As in `NodeProto.domain`; ONNX also writes the default domain, `ai.onnx`, as the empty string. */
  readonly name: string;
  /** The opsets of the domain that snapshots may import. ONNX Runtime can set a lower upper bound. */
  readonly firstOpset: number;
  readonly lastOpset: number;
  /** The versions of each operator, in ascending order. */
  readonly operators: ReadonlyMap<string, readonly OperatorVersion[]>;
}

export const DEFAULT_DOMAIN = "ai.onnx";

/** Opset 7 is the first that ONNX Runtime supports completely. */
export const DOMAINS: readonly OperatorDomain[] = [
  { name: DEFAULT_DOMAIN, firstOpset: 7, lastOpset: 28, operators: parse(TENSOR_OPERATORS, 7) },
  { name: "ai.onnx.ml", firstOpset: 1, lastOpset: 5, operators: parse(ML_OPERATORS, 1) },
];

/** The domain of a node or an opset import, or undefined if snapshots may not use it. */
export function domainNamed(name: string): OperatorDomain | undefined {
  return DOMAINS.find((domain) => domain.name === (name === "" ? DEFAULT_DOMAIN : name));
}

/** The attributes of an operator in an opset, or undefined if snapshots may not contain it. */
export function attributesOf(
  domain: OperatorDomain,
  operator: string,
  opset: number,
): ReadonlyMap<string, AttributeType> | undefined {
  return domain.operators.get(operator)?.findLast(({ since }) => since <= opset)?.attributes;
}

function parse(texts: Readonly<Record<string, string>>, first: number): ReadonlyMap<string, OperatorVersion[]> {
  return new Map(Object.entries(texts).map(([name, text]) => [name, versions(text, first)]));
}

function versions(text: string, first: number): OperatorVersion[] {
  const attributes = new Map<string, AttributeType>();
  return text.split("|").map((part, index) => {
    let since = index === 0 ? first : 0;
    for (const word of part.split(" ").filter((each) => each !== "")) {
      const [name = "", type] = word.replace(/^\+/, "").split(":");
      if (/^\d+$/.test(word)) since = Number(word);
      else if (name.startsWith("-")) attributes.delete(name.slice(1));
      else attributes.set(name, type as AttributeType);
    }
    return { since, attributes: new Map(attributes) };
  });
}
