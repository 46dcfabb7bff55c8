"""Writes models of the Python libraries that people export from, as ONNX files: `export_models.py FOLDER`."""

import sys
import warnings
from pathlib import Path

import numpy as np

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
random = np.random.default_rng(1)
X = random.normal(size=(200, 4)).astype(np.float32)
y = (X @ np.array([1, 2, -1, 0.5]) + random.normal(size=200) / 10).astype(np.float32)
label = (y > 0).astype(np.int64)
three = np.digitize(y, [-1, 1])


def write(name, model):
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString())
    print(name, flush=True)


def scikit_learn():
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn import (
        cluster,
        decomposition,
        ensemble,
        gaussian_process,
        linear_model,
        naive_bayes,
        neighbors,
        neural_network,
        pipeline,
        preprocessing,
        svm,
        tree,
    )
    from sklearn.compose import ColumnTransformer

    regressors = {
        "linear-regression": linear_model.LinearRegression(),
        "ridge": linear_model.Ridge(),
        "lasso": linear_model.Lasso(alpha=0.01),
        "huber": linear_model.HuberRegressor(),
        "decision-tree": tree.DecisionTreeRegressor(max_depth=4),
        "random-forest": ensemble.RandomForestRegressor(n_estimators=10, max_depth=4),
        "extra-trees": ensemble.ExtraTreesRegressor(n_estimators=10, max_depth=4),
        "gradient-boosting": ensemble.GradientBoostingRegressor(n_estimators=10),
        "neighbors": neighbors.KNeighborsRegressor(),
        "mlp": neural_network.MLPRegressor(hidden_layer_sizes=(8,), max_iter=50),
        "svr": svm.SVR(),
        "gaussian-process": gaussian_process.GaussianProcessRegressor(),
        "scaled": pipeline.make_pipeline(preprocessing.StandardScaler(), linear_model.Ridge()),
        "min-max": pipeline.make_pipeline(preprocessing.MinMaxScaler(), linear_model.Ridge()),
        "robust": pipeline.make_pipeline(preprocessing.RobustScaler(), linear_model.Ridge()),
        "polynomial": pipeline.make_pipeline(preprocessing.PolynomialFeatures(), linear_model.Ridge()),
        "scaled-neighbors": pipeline.make_pipeline(preprocessing.StandardScaler(), neighbors.KNeighborsRegressor()),
        "pca": pipeline.make_pipeline(decomposition.PCA(2), linear_model.Ridge()),
        "bins": pipeline.make_pipeline(preprocessing.KBinsDiscretizer(encode="ordinal"), linear_model.Ridge()),
        "voting": ensemble.VotingRegressor([("a", linear_model.Ridge()), ("b", tree.DecisionTreeRegressor(max_depth=3))]),
        "stacking": ensemble.StackingRegressor([("a", linear_model.Ridge()), ("b", linear_model.Lasso(alpha=0.01))]),
    }
    for name, model in regressors.items():
        write(f"sklearn-{name}", to_onnx(model.fit(X, y), X[:1]))
    classifiers = {
        "logistic": linear_model.LogisticRegression(),
        "tree": tree.DecisionTreeClassifier(max_depth=4),
        "forest": ensemble.RandomForestClassifier(n_estimators=10, max_depth=4),
        "boosting": ensemble.GradientBoostingClassifier(n_estimators=5),
        "neighbors": neighbors.KNeighborsClassifier(),
        "naive-bayes": naive_bayes.GaussianNB(),
        "mlp": neural_network.MLPClassifier(hidden_layer_sizes=(8,), max_iter=50),
        "svc": svm.SVC(),
        "k-means": cluster.KMeans(3, n_init=1),
    }
    for name, model in classifiers.items():
        fitted = model.fit(X, three)
        write(f"sklearn-{name}-classes", to_onnx(fitted, X[:1]))
        if name != "k-means":
            write(f"sklearn-{name}-probabilities", to_onnx(fitted, X[:1], options={"zipmap": False}))
    for opset in (9, 13, 18):
        write(f"sklearn-opset-{opset}", to_onnx(regressors["scaled-neighbors"], X[:1], target_opset=opset))

    import pandas

    frame = pandas.DataFrame({"age": X[:, 0], "income": X[:, 1], "city": np.where(X[:, 2] > 0, "Bern", "Basel")})
    columns = ColumnTransformer([
        ("numbers", pipeline.make_pipeline(preprocessing.StandardScaler()), ["age", "income"]),
        ("texts", preprocessing.OneHotEncoder(handle_unknown="ignore"), ["city"]),
    ])
    mixed = pipeline.make_pipeline(columns, linear_model.Ridge()).fit(frame, y)
    types = [
        ("age", FloatTensorType([None, 1])),
        ("income", FloatTensorType([None, 1])),
        ("city", StringTensorType([None, 1])),
    ]
    from skl2onnx import convert_sklearn

    write("sklearn-columns", convert_sklearn(mixed, initial_types=types, target_opset=13))


def boosting():
    import lightgbm
    import onnxmltools
    import xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [("input", FloatTensorType([None, 4]))]
    for opset in (8, 9, 15):
        model = lightgbm.LGBMRegressor(n_estimators=10, verbose=-1).fit(X, y)
        write(f"lightgbm-{opset}", onnxmltools.convert_lightgbm(model, initial_types=types, target_opset=opset))
    model = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1).fit(X, label)
    write("lightgbm-classes", onnxmltools.convert_lightgbm(model, initial_types=types))
    write("lightgbm-probabilities", onnxmltools.convert_lightgbm(model, initial_types=types, zipmap=False))
    model = lightgbm.LGBMClassifier(n_estimators=10, verbose=-1).fit(X, three)
    write("lightgbm-three", onnxmltools.convert_lightgbm(model, initial_types=types, zipmap=False))
    model = xgboost.XGBRegressor(n_estimators=10).fit(X, y)
    write("xgboost", onnxmltools.convert_xgboost(model, initial_types=types))
    model = xgboost.XGBClassifier(n_estimators=10).fit(X, label)
    write("xgboost-classes", onnxmltools.convert_xgboost(model, initial_types=types))
    model = xgboost.XGBClassifier(n_estimators=10).fit(X, three)
    write("xgboost-three", onnxmltools.convert_xgboost(model, initial_types=types))


def pytorch():
    import torch
    from torch import nn

    class Embedding(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(5, 3)
            self.dense = nn.Linear(7, 1)

        def forward(self, x, code):
            return self.dense(torch.cat([x, self.embedding(code)], 1))

    class Sequences(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.cell = kind(1, 8, batch_first=True)
            self.dense = nn.Linear(8, 1)

        def forward(self, x):
            return self.dense(self.cell(x.unsqueeze(2))[0][:, -1])

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.lift = nn.Linear(1, 8)
            self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0)
            self.dense = nn.Linear(8, 1)

        def forward(self, x):
            return self.dense(self.layer(self.lift(x.unsqueeze(2))).mean(1))

    class Convolutions(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(8, 1))

        def forward(self, x):
            return self.layers(x.unsqueeze(1))

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(4, 4)
            self.outer = nn.Linear(4, 1)

        def forward(self, x):
            x = torch.where(x > 0, x, torch.clamp(x, -3, 3) * 0.1)
            return self.outer(x + torch.einsum("bi,ij->bj", x, self.inner.weight))

    activations = [nn.ReLU, nn.GELU, nn.SiLU, nn.ELU, nn.SELU, nn.LeakyReLU, nn.Hardswish, nn.Softplus, nn.Mish, nn.Tanh, nn.CELU, nn.Hardsigmoid]
    dense = {
        kind.__name__.lower(): nn.Sequential(nn.Linear(4, 8), kind(), nn.LayerNorm(8), nn.Linear(8, 1)) for kind in activations
    }
    models = {
        **dense,
        "batch-norm": nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 1)),
        "softmax": nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)),
        "gru": Sequences(nn.GRU),
        "lstm": Sequences(nn.LSTM),
        "attention": Attention(),
        "convolutions": Convolutions(),
        "residual": Residual(),
    }
    rows = torch.export.Dim("rows")
    example = torch.tensor(X[:4])
    for name, model in models.items():
        model.eval()
        program = torch.onnx.export(model, (example,), dynamo=True, dynamic_shapes=({0: rows},), verbose=False)
        write(f"pytorch-{name}", program.model_proto)
        path = folder / f"pytorch-legacy-{name}.onnx"
        axes = {"x": {0: "rows"}, "y": {0: "rows"}}
        try:
            torch.onnx.export(model, (example,), path, dynamo=False, input_names=["x"], output_names=["y"], dynamic_axes=axes)
            print(path.stem, flush=True)
        except torch.onnx.errors.UnsupportedOperatorError as error:
            print(f"not exportable by the legacy exporter: {name}: {error}", file=sys.stderr)
    codes = torch.tensor([0, 1, 2, 3])
    program = torch.onnx.export(
        Embedding().eval(), (example, codes), dynamo=True, dynamic_shapes=({0: rows}, {0: rows}), verbose=False
    )
    write("pytorch-embedding", program.model_proto)


groups = {"sklearn": scikit_learn, "boosting": boosting, "pytorch": pytorch}
for name in sys.argv[2:] or groups:
    groups[name]()
