/** Child processes of tests/gpu: run, watched, stopped when their time is over. */
import { spawn } from 'node:child_process';

/** For a worker to save what it has; native code hears no SIGTERM at all. */
const graceMs = 3000;
/** For pipes that a grandchild holds open after the child has ended. */
const lastWordsMs = 1000;

/**
 * @param {readonly string[]} command
 * @param {{ seconds: number, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export function runProcess([program = '', ...args], { seconds, env = process.env }) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  const stop = () => {
    stderr += `\nstopped after ${seconds.toFixed(0)} s`;
    child.kill('SIGTERM');
  };
  const timers = [
    setTimeout(stop, seconds * 1000),
    setTimeout(() => child.kill('SIGKILL'), seconds * 1000 + graceMs),
  ];
  return new Promise((resolve) => {
    const end = (code, message = '') => {
      for (const timer of timers) clearTimeout(timer);
      resolve({ code, stdout, stderr: stderr + message });
    };
    child.once('error', (error) => end(null, error.message));
    child.once('exit', (code) => timers.push(setTimeout(end, lastWordsMs, code)));
    child.once('close', (code) => end(code));
  });
}

/** Objects of the lines that hold one. */
export function jsonLines(text) {
  return text.split('\n').flatMap((line) => {
    try {
      return line.startsWith('{') ? [JSON.parse(line)] : [];
    } catch {
      return [];
    }
  });
}
