/** A process of its own, pinned from outside: conformance of one engine. Prints one JSON line. */
import { env } from 'node:process';
import { isEngine, tryEngine } from '../../packages/engine/dist/load-engine.js';
import { conform } from '../../packages/engine/dist/conformance/conform.js';
import { loadReference } from '../../packages/engine/dist/reference/reference-engine.js';

const [name, platform, cacheFolder] = process.argv.slice(2);
const engine = await tryEngine(name, { cacheFolder, environment: env, threads: 2, platform });
if (isEngine(engine)) {
  const results = await conform(engine, await loadReference());
  const problems = results.filter(({ problem }) => problem !== undefined);
  console.log(
    JSON.stringify({
      version: engine.version,
      device: engine.device,
      checks: results.length,
      problems,
    }),
  );
} else {
  console.log(JSON.stringify({ unavailable: engine.reason }));
}
process.exit(0);
