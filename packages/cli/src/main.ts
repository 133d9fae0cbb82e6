/** The process `microtune`: wires the real environment to the program, and ends it whatever is still in flight. */
import { processEnvironment } from './environment.js';
import { runProgram } from './program.js';

// A reader that went away (a closed pipe, a terminal that hung up) is no fault of ours: commands that only print see
// that stdout is destroyed and stop; a training goes on and saves.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

const argv = process.argv.slice(2);
const exitCode = await runProgram(argv, processEnvironment(argv));
// Native runs and sockets may hold the event loop; output that is still queued must go out first.
process.stdout.write('', () => process.exit(exitCode));
