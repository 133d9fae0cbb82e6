// Trains, tells what happens on the way, and asks what came of it; Ctrl-C saves and stops.
// node examples/api/train.js MODEL_FOLDER train.tsv test.tsv runs/mine
import { loadModel, train } from 'microtune';

const [modelNameOrPath, trainFile, testFile, outputDir] = process.argv.slice(2);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const run = train(
  {
    modelNameOrPath,
    trainFile,
    validationFile: testFile,
    outputDir,
    numTrainEpochs: 2,
    trainBatchSize: 32,
    learningRate: 2e-3,
    maxSeqLength: 32,
    evalStrategy: 'epoch',
    saveStrategy: 'no',
  },
  { signal: stop.signal },
);
for await (const event of run) {
  if (event.type === 'step' && event.line.step % 10 === 0)
    console.log(
      `step ${event.line.step} of ${event.totalSteps}: loss ${event.line.loss.toFixed(3)}`,
    );
  if (event.type === 'evaluation') console.log(`accuracy ${event.metrics.accuracy.toFixed(3)}`);
}
const summary = await run;
console.log(`${summary.status} after ${summary.steps} steps`);

const model = await loadModel(outputDir);
const { accuracy, samples } = await model.evaluate(testFile);
console.log(`accuracy ${accuracy.toFixed(3)} on ${samples} rows`);
await model.close();
