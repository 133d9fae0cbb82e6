/** Child processes of tests/gpu: run, watched, stopped when their time is over. */
import { spawn } from 'node:child_process';

/**
 * @param {readonly string[]} command
 * @param {{ seconds: number, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ code: number | null, stdout: string, stderr: string }>}
 */
export function runProcess([program = '', ...args], { seconds, env = process.env }) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const timer = setTimeout(() => child.kill('SIGTERM'), seconds * 1000);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve) => {
    const end = (code, message = '') => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr: stderr + message });
    };
    child.once('error', (error) => end(null, error.message));
    child.once('close', (code) => end(code));
  });
}

/** Objects of the lines that hold one. */
export function jsonLines(text) {
  return text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
}
