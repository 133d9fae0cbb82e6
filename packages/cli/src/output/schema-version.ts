/** Of what `--json` writes: raised when a key changes its meaning or goes; new keys and new types may come any time. */
export const schemaVersion = 1;
