"""Fits by model type: rows in, an ONNX file out. Nothing here knows of the engine.

Every fit takes (rows, on_iteration) and gives a Model. on_iteration(loss, iterations_max) hears each iteration; when it returns True the fit
ends with the model as it is, and what it raises ends the fit without one. The ONNX graph reads one [rows, columns] float32 tensor, and gives probabilities
[rows, classes] or a value [rows, 1].
"""

import re
from dataclasses import dataclass

import numpy as np

# By list, aliases left out: parameters come from whoever may start a job, and some of the libraries' name files or machines.
LIGHTGBM = set(
    """alpha bagging_fraction bagging_freq boosting boosting_type cat_l2 cat_smooth colsample_bytree drop_rate early_stopping_rounds
    extra_trees fair_c feature_fraction feature_fraction_bynode is_unbalance lambda_l1 lambda_l2 learning_rate linear_lambda max_bin
    max_cat_threshold max_cat_to_onehot max_delta_step max_depth max_drop min_child_samples min_child_weight min_data_in_bin
    min_data_in_leaf min_gain_to_split min_split_gain min_sum_hessian_in_leaf n_estimators num_iterations num_leaves objective other_rate
    path_smooth reg_alpha reg_lambda scale_pos_weight skip_drop subsample subsample_for_bin subsample_freq top_rate""".split()
)
XGBOOST = set(
    """alpha base_score booster colsample_bylevel colsample_bynode colsample_bytree early_stopping_rounds eta gamma grow_policy lambda
    learning_rate max_bin max_delta_step max_depth max_leaves min_child_weight min_split_loss n_estimators normalize_type num_boost_round
    num_parallel_tree objective one_drop rate_drop reg_alpha reg_lambda sample_type sampling_method scale_pos_weight skip_drop subsample
    tree_method tweedie_variance_power""".split()
)
INPUT = "features"


@dataclass(frozen=True)
class Rows:
    """What is to be learned. Targets are class indexes, or values; categories are the codes 0, 1, …; NaN is missing."""

    kind: str
    classes: int
    columns: list
    parameters: dict
    seed: int
    threads: int
    training: tuple
    """(features, targets, weights or None)"""
    validation: tuple | None


@dataclass(frozen=True)
class Model:
    onnx: bytes
    output: str
    iterations: int
    importances: list | None


def checked(parameters, allowed):
    for name in parameters:
        if name not in allowed:
            raise ValueError(f"parameters.{name} is not taken: name one of {', '.join(sorted(allowed))}")
    return dict(parameters)


def exported(onnx_model, kind):
    names = [output.name for output in onnx_model.graph.output]
    return onnx_model.SerializeToString(), names[0] if kind == "regression" else names[-1]


def fit_lightgbm(rows, on_iteration):
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    parameters = checked(rows.parameters, LIGHTGBM)
    trees = int(parameters.pop("n_estimators", parameters.pop("num_iterations", 100)))
    if rows.validation is None:
        parameters.pop("early_stopping_rounds", None)
    objective = {"binary": "binary", "multiclass": "multiclass", "regression": "regression"}[rows.kind]
    defaults = {"objective": objective, "verbose": -1, "deterministic": True, "force_row_wise": True}
    if rows.kind == "multiclass":
        defaults["num_class"] = rows.classes
    # `loss` is measured on the validation rows, else on the training rows; early stopping goes by it
    loss = {"binary": "binary_logloss", "multiclass": "multi_logloss", "regression": "l2"}[rows.kind]
    own = {"seed": rows.seed & 0x7FFFFFFF, "num_threads": rows.threads, "metric": loss}
    categories = [at for at, column in enumerate(rows.columns) if "categories" in column]

    def dataset(part, reference=None):
        features, targets, weights = part
        return lightgbm.Dataset(
            features, targets, weight=weights, reference=reference, categorical_feature=categories, params={"verbose": -1}
        )

    training = dataset(rows.training)
    judged = training if rows.validation is None else dataset(rows.validation, training)

    def callback(env):
        if on_iteration(env.evaluation_result_list[0][2], trees):
            raise lightgbm.callback.EarlyStopException(env.iteration, env.evaluation_result_list)

    booster = lightgbm.train({**defaults, **parameters, **own}, training, trees, valid_sets=[judged], callbacks=[callback])
    booster = lightgbm.Booster(model_str=with_float32_thresholds(booster.model_to_string()))
    types = [(INPUT, FloatTensorType([None, len(rows.columns)]))]
    onnx, output = exported(convert_lightgbm(booster, initial_types=types, zipmap=False, target_opset=15), rows.kind)
    gains = booster.feature_importance("gain").tolist()
    return Model(onnx, output, booster.current_iteration(), gains)


def with_float32_thresholds(text):
    """Thresholds rounded down to float32, as the graph has them: for float32 values x ≤ t then says the same as before."""

    def rounded(match):
        values = np.array(match[1].split(), dtype=np.float64)
        with np.errstate(over="ignore"):
            near = values.astype(np.float32)
        near = np.where(near > values, np.nextafter(near, np.float32(-np.inf)), near)
        return "threshold=" + " ".join(repr(float(value)) for value in near)

    # the sizes of the trees are only needed where they are read in parallel, and no longer right
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"^threshold=(.*)$", rounded, text, flags=re.MULTILINE)


def fit_xgboost(rows, on_iteration):
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    parameters = checked(rows.parameters, XGBOOST)
    trees = int(parameters.pop("n_estimators", parameters.pop("num_boost_round", 100)))
    patience = parameters.pop("early_stopping_rounds", None)
    objective = {"binary": "binary:logistic", "multiclass": "multi:softprob", "regression": "reg:squarederror"}[rows.kind]
    defaults = {"objective": objective, "tree_method": "hist", "verbosity": 0}
    if rows.kind == "multiclass":
        defaults["num_class"] = rows.classes
    loss = {"binary": "logloss", "multiclass": "mlogloss", "regression": "rmse"}[rows.kind]
    own = {"seed": rows.seed & 0x7FFFFFFF, "nthread": rows.threads, "eval_metric": loss}
    # the converter knows no categorical splits, so codes are numbers here
    names = [f"f{at}" for at in range(len(rows.columns))]

    def matrix(part):
        features, targets, weights = part
        return xgboost.DMatrix(features, targets, weight=weights, feature_names=names)

    class Callback(xgboost.callback.TrainingCallback):
        def after_iteration(self, model, epoch, evals_log):
            return on_iteration(evals_log["judged"][loss][-1], trees)

    training = matrix(rows.training)
    judged = training if rows.validation is None else matrix(rows.validation)
    early = {"early_stopping_rounds": int(patience)} if patience and rows.validation is not None else {}
    booster = xgboost.train(
        {**defaults, **parameters, **own}, training, trees, evals=[(judged, "judged")], callbacks=[Callback()], verbose_eval=False, **early
    )
    if early:
        booster = booster[: booster.best_iteration + 1]
    types = [(INPUT, FloatTensorType([None, len(names)]))]
    onnx, output = exported(convert_xgboost(booster, initial_types=types, target_opset=15), rows.kind)
    gains = booster.get_score(importance_type="total_gain")
    return Model(onnx, output, booster.num_boosted_rounds(), [gains.get(name, 0.0) for name in names])


def fit_scikit_learn(rows, on_iteration):
    """parameters.estimator names one of ESTIMATORS; the other parameters are its own. Column order is that of the rows."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    parameters = dict(rows.parameters)
    estimators = scikit_learn_estimators("regressor" if rows.kind == "regression" else "classifier")
    name = parameters.pop("estimator", "RandomForestRegressor" if rows.kind == "regression" else "RandomForestClassifier")
    if name not in estimators:
        raise ValueError(f"parameters.estimator: {name} is none of {', '.join(sorted(estimators))}")
    estimator = estimators[name]
    known = estimator().get_params()
    parameters = checked(parameters, known)
    if "random_state" in known:
        parameters["random_state"] = rows.seed
    model = estimator(**parameters)
    features, targets, weights = rows.training
    targets = targets if rows.kind == "regression" else targets.astype(np.int64)
    model.fit(features, targets, **({} if weights is None else {"sample_weight": weights}))
    if rows.kind != "regression" and len(model.classes_) != rows.classes:
        raise ValueError(f"the training rows have {len(model.classes_)} of {rows.classes} classes")
    on_iteration(None, 1)
    options = {} if rows.kind == "regression" else {"zipmap": False}
    types = [(INPUT, FloatTensorType([None, len(rows.columns)]))]
    onnx, output = exported(to_onnx(model, initial_types=types, options=options or None, target_opset=15), rows.kind)
    importances = getattr(model, "feature_importances_", None)
    return Model(onnx, output, 1, None if importances is None else importances.tolist())


def scikit_learn_estimators(kind):
    """Those that skl2onnx exports; version 1.20 fails on HistGradientBoosting of scikit-learn 1.9."""
    from sklearn import ensemble, linear_model

    classifiers = (
        ensemble.ExtraTreesClassifier,
        ensemble.RandomForestClassifier,
        linear_model.LogisticRegression,
    )
    regressors = (
        ensemble.ExtraTreesRegressor,
        ensemble.RandomForestRegressor,
        linear_model.ElasticNet,
        linear_model.HuberRegressor,
    )
    return {one.__name__: one for one in (classifiers if kind == "classifier" else regressors)}


FITS = {"XGBOOST": fit_xgboost, "LIGHTGBM": fit_lightgbm, "SCIKIT_LEARN": fit_scikit_learn}
