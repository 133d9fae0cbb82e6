// Logistic regression as one compiled call: which points lie inside a ring? Plain tfjs, gradients included.
import { compile, registerGradients } from '@microtune/engine';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

const numPoints = 2048;
const numFeatures = 6;
const numSteps = 300;
const learningRate = 4;

/** Points on a grid with the label 1 inside the ring 0.5 < r < 1; features 1, x, y, r^2, r^4, xy. */
function ringData() {
  const features = new Float32Array(numPoints * numFeatures);
  const labels = new Float32Array(numPoints);
  for (let i = 0; i < numPoints; i++) {
    const x = ((i % 64) / 63) * 3 - 1.5;
    const y = (Math.floor(i / 64) / 31) * 3 - 1.5;
    const square = x * x + y * y;
    features.set([1, x, y, square, square * square, x * y], i * numFeatures);
    labels[i] = square > 0.25 && square < 1 ? 1 : 0;
  }
  return { features, labels };
}

/** Loss and gradient of the weights [F, 1] on features [N, F] and labels [N, 1]: what a step needs. */
function lossAndGradient({ features, labels, weights }) {
  const loss = (w) => {
    const logits = tf.matMul(features, w); // [N, 1]
    // Cross entropy of a sigmoid, log(1 + exp(z)) - y z.
    return tf.mean(tf.sub(tf.softplus(logits), tf.mul(labels, logits)));
  };
  const { value, grad } = tf.valueAndGrad(loss)(weights);
  return { loss: value, gradient: grad };
}

function descend(weights, gradient) {
  for (let i = 0; i < weights.length; i++) weights[i] -= learningRate * gradient[i];
}

async function fitCompiled({ features, labels }) {
  const step = await compile(
    lossAndGradient,
    {
      features: { shape: [numPoints, numFeatures], dtype: 'float32' },
      labels: { shape: [numPoints, 1], dtype: 'float32' },
      weights: { shape: [numFeatures, 1], dtype: 'float32' },
    },
    { engine: 'onnx' },
  );
  const weights = new Float32Array(numFeatures);
  const losses = [];
  const start = performance.now();
  for (let i = 0; i < numSteps; i++) {
    const { loss, gradient } = await step({ features, labels, weights });
    losses.push(loss[0]);
    descend(weights, gradient);
  }
  const milliseconds = performance.now() - start;
  step.dispose();
  return { weights, losses, milliseconds };
}

/** The same without compiling, for comparison. */
function fitEagerly(data) {
  registerGradients();
  const features = tf.tensor2d(data.features, [numPoints, numFeatures]);
  const labels = tf.tensor2d(data.labels, [numPoints, 1]);
  const weights = new Float32Array(numFeatures);
  const losses = [];
  const start = performance.now();
  for (let i = 0; i < numSteps; i++) {
    tf.tidy(() => {
      const current = tf.tensor2d(weights.slice(), [numFeatures, 1]);
      const { loss, gradient } = lossAndGradient({ features, labels, weights: current });
      losses.push(loss.dataSync()[0]);
      descend(weights, gradient.dataSync());
    });
  }
  return { weights, losses, milliseconds: performance.now() - start };
}

function accuracy({ features, labels }, weights) {
  let right = 0;
  for (let i = 0; i < numPoints; i++) {
    const row = features.subarray(i * numFeatures, (i + 1) * numFeatures);
    const logit = row.reduce((sum, value, k) => sum + value * weights[k], 0);
    if (logit > 0 === (labels[i] === 1)) right++;
  }
  return right / numPoints;
}

const data = ringData();
const compiled = await fitCompiled(data);
const eager = fitEagerly(data);
const summary = {
  firstLoss: compiled.losses[0],
  lastLoss: compiled.losses.at(-1),
  lastLossEager: eager.losses.at(-1),
  accuracy: accuracy(data, compiled.weights),
  compiledMs: Math.round(compiled.milliseconds),
  eagerMs: Math.round(eager.milliseconds),
};
if (process.argv.includes('--json')) {
  console.log(JSON.stringify(summary));
} else {
  console.log(`loss ${summary.firstLoss.toFixed(4)} -> ${summary.lastLoss.toFixed(4)}`);
  console.log(`accuracy ${(100 * summary.accuracy).toFixed(1)} %`);
  console.log(`${numSteps} steps: compiled ${summary.compiledMs} ms, eager ${summary.eagerMs} ms`);
}
