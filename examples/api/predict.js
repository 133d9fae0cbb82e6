// Answers of a trained model. node examples/api/predict.js runs/demo "a gripping film"
import { loadModel } from 'microtune';

const [folder, ...texts] = process.argv.slice(2);
const model = await loadModel(folder);
const answers = await model.predict(texts);
for (const [at, { label, score }] of answers.entries())
  console.log(`${label} (${score.toFixed(3)}): ${texts[at]}`);
await model.close();
