/** The process `microtune`: wires the real environment to the program. */
import { processEnvironment } from './environment.js';
import { runProgram } from './program.js';

const argv = process.argv.slice(2);
process.exitCode = await runProgram(argv, processEnvironment(argv));
