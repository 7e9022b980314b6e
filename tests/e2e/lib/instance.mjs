// The real program on a data folder of its own: started, stopped and started again on the same data and port.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const READY_WITHIN_MILLIS = 60_000;
const STOPPED_WITHIN_MILLIS = 30_000;
const POLL_MILLIS = 50;
/** What the program writes reaches us by a pipe, and may come after the answer that it gave later. */
const TOLD_WITHIN_MILLIS = 10_000;

export const repository = fileURLToPath(new URL('../../../', import.meta.url));

const targetFolder = process.env.CARGO_TARGET_DIR ?? join(repository, 'target');
const program = resolve(process.env.PROFCARDS_BIN ?? join(targetFolder, 'debug/profcards'));

/** Asks until the condition holds, and says what was awaited when it never does. */
export async function until(what, withinMillis, condition) {
  const deadline = Date.now() + withinMillis;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${withinMillis / 1000} s`);
    await new Promise((wake) => setTimeout(wake, POLL_MILLIS));
  }
}

export async function makeInstance() {
  const folder = await mkdtemp(join(tmpdir(), 'profcards-e2e-'));
  // A build of the app during the run must not change what is tested.
  await cp(process.env.PROFCARDS_PWA ?? join(repository, 'pwa/dist'), join(folder, 'pwa'), { recursive: true });
  const port = await freePort();
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...inherited } = process.env;
  const env = {
    ...inherited,
    PROFCARDS_ADDR: `127.0.0.1:${port}`,
    PROFCARDS_DATA: join(folder, 'var'),
    PROFCARDS_PWA: join(folder, 'pwa'),
    PROFCARDS_KEYS: process.env.PROFCARDS_KEYS ?? join(repository, 'keys'),
  };
  return new Instance(folder, port, env);
}

class Instance {
  #child;
  #log = '';

  /** What starts the program, such as `unshare`; it must become the program itself. */
  launcher = [];
  /** What starts a command beside it, such as `nsenter`. */
  joiner = [];

  constructor(folder, port, env) {
    this.folder = folder;
    this.url = `http://localhost:${port}`;
    this.env = env;
  }

  get log() {
    return this.#log;
  }

  /** Waits until the log holds this; answers the match. */
  told(pattern) {
    return until(`the log says ${pattern}`, TOLD_WITHIN_MILLIS, () => pattern.exec(this.#log));
  }

  get pid() {
    return this.#child?.pid;
  }

  async start(command = 'up') {
    const [first, ...others] = [...this.launcher, program, command];
    const child = spawn(first, others, { env: this.env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    const note = (chunk) => (this.#log += chunk);
    child.stdout.on('data', note);
    child.stderr.on('data', note);
    await until('the server is ready', READY_WITHIN_MILLIS, async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}:\n${this.#log}`);
      return isReady(this.url);
    });
  }

  /** As Ctrl-C does it. Everything that the program started must be gone with it. */
  async stop() {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    if (child.exitCode === null) child.kill('SIGINT');
    await until('the server stops', STOPPED_WITHIN_MILLIS, () => child.exitCode !== null || child.signalCode !== null);
    assert.equal(child.exitCode, 0, `the server ended with ${child.exitCode ?? child.signalCode}:\n${this.#log}`);
    assert.equal(await isReady(this.url), false, 'the port still answers');
    const left = await until('what it started ends', STOPPED_WITHIN_MILLIS, async () => {
      const found = await processesNaming(this.folder);
      return found.length === 0 ? [] : undefined;
    });
    assert.deepEqual(left, []);
  }

  async remove() {
    this.#child?.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  /** One command of the program beside the running server; its standard output. */
  async run(...args) {
    const [first, ...others] = [...this.joiner, program, ...args];
    const { stdout } = await promisify(execFile)(first, others, { env: this.env });
    return stdout.trim();
  }

  /** Another server on the running instance's databases, in an environment that differs in this; start it as `serve`. */
  async beside(differences = {}) {
    const [{ sockets }, port] = await Promise.all([this.#database(), freePort()]);
    const env = {
      ...this.env,
      PROFCARDS_ADDR: `127.0.0.1:${port}`,
      DATABASE_URL: `postgres://profcards@localhost/profcards?host=${sockets}`,
      REDIS_URL: `redis+unix://${join(sockets, 'redis.sock')}`,
      ...differences,
    };
    return new Instance(join(this.folder, 'beside'), port, env);
  }

  /** For what nobody can do or see in a test's time: a statement on the running instance's database; what it answers. */
  async sql(statement) {
    const { sockets } = await this.#database();
    const options = ['-h', sockets, '-U', 'profcards', '-v', 'ON_ERROR_STOP=1', '-qAtc', statement, 'profcards'];
    return (await promisify(execFile)('psql', options)).stdout.trim();
  }

  /** The ids of the processes of the running instance's PostgreSQL. */
  async databaseProcesses() {
    const { data } = await this.#database();
    const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const folders = await Promise.all(ids.map((id) => readlink(`/proc/${id}/cwd`).catch(() => undefined)));
    return ids.filter((_, n) => folders[n] === data).map(Number);
  }

  /** Where its data and its sockets are. */
  async #database() {
    const pid = (await readdir(join(this.folder, 'var'), { recursive: true })).find((name) =>
      name.endsWith('postmaster.pid'),
    );
    const [, data, , , sockets] = (await readFile(join(this.folder, 'var', pid), 'utf8')).split('\n');
    return { data, sockets };
  }

  /** The days of all that is pending are over; it becomes available with the server's next start. */
  async makePendingDue() {
    await this.sql("update purchase set confirm_on = current_date - 1 where state = 'pending'");
  }

  /** The code, birth date and name of a member who has no phone yet, and a till's code. */
  async freshEntries() {
    const text = await this.run('demo');
    const [, code, day, month, year, name] =
      /\/activate\s+(\S+)\s+\S+\s+(\d\d)\.(\d\d)\.(\d{4})\s+(.+)/.exec(text) ?? [];
    const [, pairingCode] = /\/scan\s+\S+ \S+ (\S+)/.exec(text) ?? [];
    assert.ok(code && pairingCode, `no codes in:\n${text}`);
    return { code, birthDate: `${day}${month}${year}`, name: name.trim(), pairingCode };
  }

  /** A code that pairs a till with this outlet. */
  async tillCode(outletName) {
    const outlets = (await this.run('till', 'outlets')).split('\n');
    const outlet = outlets.find((line) => line.endsWith(` ${outletName}`));
    assert.ok(outlet, `no outlet «${outletName}» in:\n${outlets.join('\n')}`);
    return this.run('till', 'code', '--outlet', outlet.split(' ')[0]);
  }

  async download(path) {
    const response = await fetch(this.url + path);
    assert.equal(response.status, 200, path);
    return { bytes: Buffer.from(await response.arrayBuffer()), etag: response.headers.get('etag') };
  }

  /** The signed lists as they are published now: their bytes, and the options that hand them to `card verify`. */
  async publishedLists() {
    const [trust, status] = await Promise.all(
      ['trust-list', 'status/1'].map(async (list) => {
        const { bytes } = await this.download(`/.well-known/profcards/${list}`);
        const file = join(this.folder, list.replace('/', '-'));
        await writeFile(file, bytes);
        return { bytes, file };
      }),
    );
    return { trust: trust.bytes, status: status.bytes, options: ['--trust', trust.file, '--status', status.file] };
  }
}

async function isReady(url) {
  const response = await fetch(`${url}/readyz`).catch(() => undefined);
  return response?.status === 200;
}

export function freePort() {
  return new Promise((found, failed) => {
    const server = createServer();
    server.on('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => found(port));
    });
  });
}

/**
 * Whose command line holds the folder, as PostgreSQL's and Redis's do; or whose environment (`environ`) does. One that has ended
 * and is not yet collected by its parent has neither.
 */
export async function processesNaming(folder, where = 'cmdline') {
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid));
  const lines = await Promise.all(
    ids.map((id) =>
      readFile(`/proc/${id}/${where}`, 'utf8').then(
        (line) => ({ id, line }),
        () => undefined,
      ),
    ),
  );
  return lines.filter((found) => found?.line.includes(folder));
}
