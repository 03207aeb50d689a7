/** What a request for a training is refused for before there is a job. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseRequestedSpec } from "../../../engine/app-training-specs.ts";
import { EngineError } from "../../../engine/core/errors.ts";
import { TRAINER_OFFERS } from "../../../workers/train/trainer-offers.ts";
import { TRAINERS } from "../../../workers/train/trainers.ts";

const fieldsOf = (spec: object): string[] => {
  try {
    parseRequestedSpec({ model_name: "m", ...spec });
    return [];
  } catch (error) {
    assert.ok(error instanceof EngineError && error.code === "INVALID_REQUEST");
    return error.details.map(({ field }) => field);
  }
};

describe("a requested specification", () => {
  it("is refused with a detail for each parameter and the mode that its type does not take", () => {
    const wrong = { learning_rate: -1, trees: 10 };
    const spec = { model_type: "GRADIENT_BOOSTING", mode: "TRANSFER_LEARNING", parameters: wrong };
    assert.deepEqual(fieldsOf(spec).sort(), ["mode", "parameters.learning_rate", "parameters.trees"]);
    const members = [{ model_type: "LINEAR", parameters: { C: -1 } }];
    assert.deepEqual(fieldsOf({ model_type: "ENSEMBLE", parameters: { members } }), [
      "parameters.members.0.parameters.C",
    ]);
    assert.deepEqual(fieldsOf({ model_type: "XGBOOST", mode: "INCREMENTAL" }), ["mode"]);
  });

  it("is taken where only its trainer, or a search, will tell", () => {
    assert.deepEqual(fieldsOf({ model_type: "XGBOOST", parameters: { anything: 1 } }), []);
    assert.deepEqual(fieldsOf({ model_type: "LINEAR", mode: "INCREMENTAL", parameters: { C: 0.1 } }), []);
    assert.deepEqual(fieldsOf({ model_type: "ENSEMBLE", search: { method: "random", trials_max: 2 } }), []);
  });

  it("is checked by what the trainers take", () => {
    assert.deepEqual([...TRAINER_OFFERS.keys()], [...TRAINERS.keys()]);
    for (const [type, { trainer }] of TRAINERS) {
      const offer = TRAINER_OFFERS.get(type);
      assert.deepEqual(offer?.warmStarts, trainer.warmStarts);
      if (type !== "ENSEMBLE") assert.equal(offer?.parameters, trainer.parameters); // made for its members
    }
  });
});
