/**
 * The demo's data: short film reviews made of a subject, a verb phrase and an opinion. Training and held-out rows use
 * different combinations, so the model has to learn the words and not the sentences.
 */

const subjects = [
  'the film',
  'this movie',
  'the story',
  'the plot',
  'the acting',
  'the cast',
  'the script',
  'the ending',
  'the first half',
  'the second half',
  'the music',
  'the camera work',
  'the dialogue',
  'the lead actor',
  'the director',
  'the opening scene',
  'the humor',
  'the pacing',
  'the whole thing',
  'this sequel',
];

const frames = [
  (subject, opinion) => `${subject} is ${opinion}`,
  (subject, opinion) => `${subject} was simply ${opinion} from start to finish`,
  (subject, opinion) => `i thought ${subject} was ${opinion}`,
  (subject, opinion) => `${subject} feels ${opinion} , and my friends agreed`,
  (subject, opinion) => `honestly , ${subject} turned out ${opinion}`,
  (subject, opinion) => `after two hours ${subject} still seemed ${opinion}`,
];

const opinions = {
  positive: [
    'wonderful',
    'gripping',
    'moving',
    'brilliant',
    'charming',
    'clever',
    'delightful',
    'excellent',
    'fresh',
    'funny',
    'gorgeous',
    'heartfelt',
    'inspired',
    'memorable',
    'superb',
    'thrilling',
    'touching',
    'witty',
  ],
  negative: [
    'awful',
    'boring',
    'clumsy',
    'dull',
    'dreadful',
    'empty',
    'forgettable',
    'lazy',
    'lifeless',
    'messy',
    'painful',
    'pointless',
    'predictable',
    'shallow',
    'silly',
    'terrible',
    'tedious',
    'tiresome',
  ],
};

/**
 * All combinations in a fixed shuffled order.
 * @returns {{ sentence: string, label: 'positive' | 'negative' }[]}
 */
function allRows() {
  const rows = [];
  for (const [label, words] of Object.entries(opinions)) {
    for (const opinion of words) {
      for (const subject of subjects) {
        for (const frame of frames) rows.push({ sentence: frame(subject, opinion), label });
      }
    }
  }
  return shuffled(rows, 7);
}

/** Fisher-Yates with a small linear congruential generator: the same order everywhere. */
function shuffled(rows, seed) {
  let state = seed;
  const result = [...rows];
  for (let last = result.length - 1; last > 0; last--) {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    const other = Math.floor((state / 2 ** 32) * (last + 1));
    [result[last], result[other]] = [result[other], result[last]];
  }
  return result;
}

/** 800 rows to learn from and 200 others to measure on; no sentence is in both. */
export function demoRows() {
  const rows = allRows();
  return { train: rows.slice(0, 800), heldOut: rows.slice(800, 1000) };
}

/** @param {{ sentence: string, label: string }[]} rows */
export function asTsv(rows) {
  return ['sentence\tlabel', ...rows.map((row) => `${row.sentence}\t${row.label}`), ''].join('\n');
}
