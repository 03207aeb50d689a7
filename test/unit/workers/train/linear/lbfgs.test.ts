/** The minimiser on functions whose minimum is known. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { minimize, type Objective } from "../../../../../workers/train/linear/lbfgs.ts";

/** Counts its evaluations. */
function counted(objective: Objective): { objective: Objective; count: () => number } {
  let evaluations = 0;
  return {
    objective: (x, gradient) => {
      evaluations += 1;
      return objective(x, gradient);
    },
    count: () => evaluations,
  };
}

/** Rosenbrock's valley, with its minimum of 0 at (1, 1). */
const valley: Objective = (x, gradient) => {
  const [a = 0, b = 0] = x;
  gradient[0] = -2 * (1 - a) - 400 * a * (b - a * a);
  gradient[1] = 200 * (b - a * a);
  return (1 - a) ** 2 + 100 * (b - a * a) ** 2;
};

/** Log losses of separable rows and a penalty: its value is around 1, so gains below 1e-16 cannot be seen in it. */
const losses: Objective = (x, gradient) => {
  gradient.fill(0);
  let value = 1;
  for (let row = 0; row < 40; row++) {
    const inputs = Array.from(x, (_, column) => Math.sin(row * (column + 1.7)) + (column === 0 ? 2 : 0));
    const sum = inputs.reduce((total, input, column) => total + input * (x[column] as number), 0);
    const sign = Math.sin(row * 3.1) > 0 ? 1 : -1;
    value += Math.log1p(Math.exp(-sign * sum)) / 40;
    for (const [column, input] of inputs.entries())
      gradient[column] = (gradient[column] as number) - (sign * input) / (1 + Math.exp(sign * sum)) / 40;
  }
  for (let column = 0; column < x.length; column++) {
    value += 0.005 * (x[column] as number) ** 2;
    gradient[column] = (gradient[column] as number) + 0.01 * (x[column] as number);
  }
  return value;
};

const options = (tolerance: number, iterationsMax = 1000) => ({
  tolerance,
  iterationsMax,
  onIteration: () => "continue" as const,
});

describe("minimize", () => {
  it("finds the end of Rosenbrock's valley", () => {
    const { objective, count } = counted(valley);
    const x = Float64Array.of(-1.2, 1);
    minimize(objective, x, options(1e-9));
    assert.ok(Math.abs((x[0] as number) - 1) < 1e-9 && Math.abs((x[1] as number) - 1) < 1e-9, String(x));
    assert.ok(count() < 100, `${count()} evaluations`);
  });

  it("gets the gradient below what rounding lets be seen in the value, and wastes nothing on it", () => {
    const { objective, count } = counted(losses);
    const x = new Float64Array(6);
    minimize(objective, x, options(1e-13));
    const gradient = new Float64Array(6);
    losses(x, gradient);
    assert.ok(
      gradient.every((slope) => Math.abs(slope) < 1e-12),
      String(gradient),
    );
    assert.ok(count() < 60, `${count()} evaluations`);
  });

  it("ends where nothing gets lower, at a minimum or at its limit of iterations", () => {
    assert.equal(minimize(valley, Float64Array.of(1, 1), options(1e-9)), 0);
    assert.equal(minimize(valley, Float64Array.of(-1.2, 1), options(1e-9, 3)), 3);
    const { objective, count } = counted(losses);
    minimize(objective, new Float64Array(6), options(Number.MIN_VALUE));
    assert.ok(count() < 1000, `${count()} evaluations`);
  });

  it("stops when it is told to, with the point that it told of", () => {
    const x = Float64Array.of(-1.2, 1);
    let told: number[] = [];
    const iterations = minimize(valley, x, {
      ...options(1e-9),
      onIteration: (iteration, _value, at) => {
        told = [...at];
        return iteration === 4 ? "stop" : "continue";
      },
    });
    assert.equal(iterations, 4);
    assert.deepEqual([...x], told);
  });
});
