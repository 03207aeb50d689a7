"""The exported graphs give the libraries' own predictions: python -m unittest (needs onnxruntime)."""

import unittest

import numpy as np
import onnxruntime

import models


def rows(kind, parameters, categories=True, missing=True):
    random = np.random.default_rng(7)
    features = random.normal(size=(3000, 6)).astype(np.float32)
    features[:, 4] = np.round(features[:, 4] * 4) / 4  # many equal values, so thresholds lie next to them
    columns = [{"name": f"c{at}"} for at in range(6)]
    if categories:
        features[:, 5] = random.integers(0, 8, len(features))
        columns[5]["categories"] = 8
    if missing:
        features[random.random(len(features)) < 0.2, 2] = np.nan
    score = features[:, 0] - features[:, 1] + features[:, 4] + (features[:, 5] % 3) + np.nan_to_num(features[:, 2])
    targets = {
        "binary": (score > 0.5).astype(np.float64),
        "multiclass": np.digitize(score, [-0.5, 1.5]).astype(np.float64),
        "regression": score.astype(np.float64) + 100,
    }[kind]
    weights = random.uniform(0.5, 2, len(features))
    part = slice(0, 2000), slice(2000, None)
    training, validation = ((features[at], targets[at], weights[at]) for at in part)
    classes = {"binary": 2, "multiclass": 3, "regression": 0}[kind]
    return models.Rows(kind, classes, columns, parameters, 3, 1, training, validation)


def answer(model, features):
    session = onnxruntime.InferenceSession(model.onnx)
    return session.run([model.output], {models.INPUT: features})[0]


class Models(unittest.TestCase):
    def check(self, fit, kind, parameters, native, **options):
        given = rows(kind, parameters, **options)
        heard = []
        model = fit(given, lambda loss, most: heard.append(loss) and False)
        features = given.validation[0]
        found = answer(model, features)
        self.assertEqual(found.shape, (len(features), given.classes or 1))
        np.testing.assert_allclose(found, native(given).reshape(found.shape), rtol=1e-5, atol=1e-5)
        return heard, model

    def native(self, module, attribute):
        """The booster that a fit trains, caught on its way."""
        kept = []
        train = getattr(module, attribute)

        def keeping(*args, **kwargs):
            kept.append(train(*args, **kwargs))
            return kept[-1]

        setattr(module, attribute, keeping)
        self.addCleanup(setattr, module, attribute, train)
        return kept

    def test_lightgbm(self):
        import lightgbm

        kept = self.native(lightgbm, "train")

        def predict(given):
            found = kept[-1].predict(given.validation[0])
            return np.stack([1 - found, found], axis=1) if given.kind == "binary" else found

        for kind in ("binary", "multiclass", "regression"):
            for categories in (False, True):
                with self.subTest(kind=kind, categories=categories):
                    self.check(models.fit_lightgbm, kind, {"n_estimators": 40, "learning_rate": 0.2}, predict, categories=categories)

    def test_xgboost(self):
        import xgboost

        kept = self.native(xgboost, "train")

        def predict(given):
            names = [f"f{at}" for at in range(6)]
            best = kept[-1].best_iteration + 1
            found = kept[-1].predict(xgboost.DMatrix(given.validation[0], feature_names=names), iteration_range=(0, best))
            return np.stack([1 - found, found], axis=1) if given.kind == "binary" else found

        for kind in ("binary", "multiclass", "regression"):
            with self.subTest(kind=kind):
                parameters = {"n_estimators": 200, "learning_rate": 0.5, "early_stopping_rounds": 3}
                heard, model = self.check(models.fit_xgboost, kind, parameters, predict)
                self.assertLess(model.iterations, len(heard))

    def test_scikit_learn(self):
        for kind in ("binary", "multiclass", "regression"):
            ending = "Regressor" if kind == "regression" else "Classifier"
            for name in ("RandomForest", "ExtraTrees"):
                with self.subTest(kind=kind, name=name):
                    kept = self.native(models.scikit_learn_estimators("regressor" if kind == "regression" else "classifier")[name + ending], "fit")

                    def predict(given):
                        of = kept[-1].predict if kind == "regression" else kept[-1].predict_proba
                        return of(given.validation[0])

                    self.check(models.fit_scikit_learn, kind, {"estimator": name + ending, "n_estimators": 10}, predict, missing=False)

    def test_refused_parameters(self):
        for parameters in ({"forcedsplits_filename": "x"}, {"fs": "x"}, {"forced_splits": "x"}, {"machines": "a"}, {"input_model": "m"}):
            with self.subTest(parameters=parameters), self.assertRaises(ValueError):
                models.fit_lightgbm(rows("binary", parameters), lambda loss, most: False)

    def test_stops_with_the_model_as_it_is(self):
        for fit in (models.fit_lightgbm, models.fit_xgboost):
            with self.subTest(fit=fit.__name__):
                heard = []

                def on_iteration(loss, most):
                    heard.append(loss)
                    return len(heard) == 5

                self.assertEqual(fit(rows("binary", {}), on_iteration).iterations, 5)


if __name__ == "__main__":
    unittest.main()
