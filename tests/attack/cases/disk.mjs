// A disk that is full: nothing is acknowledged that is not kept, and those who watch are told.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, mkdir, open, rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { check } from '../../e2e/lib/report.mjs';
import { makeInstance, until } from '../../e2e/lib/instance.mjs';
import { pairTillWithCard } from '../lib/till.mjs';

export const title = 'A full disk';

const DISK_MEGABYTES = 300;
const MANY = 60;
const AMOUNT_KOPECKS = 100_00;
/** A disk of one's own: root mounts it, others may in a namespace where that is allowed. */
const isRoot = process.getuid() === 0;
const OWN_MOUNTS = ['unshare', ...(isRoot ? [] : ['--user', '--map-current-user', '--keep-caps']), '--mount'];
const SAME_MOUNTS = ['nsenter', ...(isRoot ? [] : ['--user', '--preserve-credentials']), '--mount'];

export async function attack({ isLong }) {
  const [unshare, ...options] = OWN_MOUNTS;
  const mount = ['sh', '-c', `mount -t tmpfs -o size=${DISK_MEGABYTES}m,mode=755 tmpfs "$0" && exec "$@"`];
  const mayMount = promisify(execFile)(unshare, [...options, ...mount, '/mnt', 'true']);
  if (
    !(await mayMount.then(
      () => true,
      () => false,
    ))
  ) {
    console.log('        not tried: nothing may be mounted here');
    return;
  }
  const instance = await makeInstance();
  const disk = instance.env.PROFCARDS_DATA;
  try {
    // Open to the database's user, or its data would lie on another disk.
    await chmod(instance.folder, 0o755);
    await mkdir(disk);
    instance.launcher = [...OWN_MOUNTS, ...mount, disk];
    await instance.start();
    instance.joiner = [...SAME_MOUNTS, '--target', String(instance.pid)];
    const { till, card } = await pairTillWithCard(instance);
    const purchase = () => till.purchase({ token: card, amountKopecks: AMOUNT_KOPECKS });
    for (let round = 1; round <= (isLong ? 5 : 1); round += 1) {
      await check(`the disk is full, time ${round}: it is told, and nothing is lost`, () =>
        fillAndFree(instance, till, purchase, disk),
      );
    }
    await instance.stop();
  } finally {
    await instance.remove();
  }
}

async function fillAndFree(instance, till, purchase, disk) {
  assert.deepEqual(await till.tryPush(purchase()), ['applied']);
  const filler = `/proc/${instance.pid}/root${disk}/filler`;
  await fill(filler);
  const handedIn = [];
  for (let n = 0; n < MANY; n += 1) {
    const mutation = purchase();
    const [status] = await till.tryPush(mutation);
    handedIn.push({ mutation, status });
  }
  const statuses = new Set(handedIn.map(({ status }) => status));
  assert.ok(statuses.has('retry') || statuses.has('unavailable'), `the disk was not full: ${[...statuses]}`);
  for (const status of statuses) assert.ok(['applied', 'retry', 'unavailable'].includes(status), status);
  await until('readiness says it', 10_000, async () => (await fetch(`${instance.url}/readyz`)).status === 503);
  const figures = await (await fetch(`${instance.url}/metrics`)).text();
  assert.match(figures, /^profcards_db_takes_writes 0$/m);
  assert.match(figures, /^profcards_mutations_total\{name="purchase.record",outcome="retry"\} [1-9]/m);
  await rm(filler);
  await until('the server is ready again', 30_000, async () => (await fetch(`${instance.url}/readyz`)).status === 200);
  const again = await till.tryPush(...handedIn.map(({ mutation }) => mutation));
  assert.deepEqual(
    again,
    handedIn.map(({ status }) => (status === 'applied' ? 'duplicate' : 'applied')),
  );
  await instance.run('ledger', 'audit');
}

/** Writes until there is no room, and then the last bytes of it. */
async function fill(path) {
  const file = await open(path, 'w');
  for (let bytes = 1 << 20; bytes > 0; bytes >>= 1) {
    const chunk = Buffer.alloc(bytes);
    const isFull = async () =>
      file.write(chunk).then(
        ({ bytesWritten }) => bytesWritten < bytes,
        (error) => error.code === 'ENOSPC',
      );
    while (!(await isFull()));
  }
  await file.close();
}
