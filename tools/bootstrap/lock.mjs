import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

/**
 * Runs `work` while no other process of this machine holds the lock of the same name. The lock is a listening
 * socket, which the kernel frees when its owner dies: a killed bootstrap leaves nothing to clean up.
 *
 * @template T
 * @param {string} name
 * @param {() => void} onWait called once if somebody else holds the lock
 * @param {() => Promise<T> | T} work
 * @returns {Promise<T>}
 */
export async function withLock(name, onWait, work) {
  const address = lockAddress(name);
  let server = await listen(address);
  if (!server) onWait();
  while (!server) {
    await untilReleased(address);
    server = await listen(address);
  }
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  });
  try {
    return await work();
  } finally {
    // Closed before the waiters are let go, so that the first of them finds the address free.
    server.close();
    for (const socket of sockets) socket.destroy();
  }
}

/** @param {string} name */
function lockAddress(name) {
  const hash = createHash('sha256').update(`image-factory\0${name}`).digest();
  if (process.platform === 'linux') return { path: `\0image-factory-${hash.toString('hex', 0, 12)}` };
  return { host: '127.0.0.1', port: 20_000 + (hash.readUInt32BE(0) % 20_000) };
}

/**
 * @param {import('node:net').ListenOptions} address
 * @returns {Promise<import('node:net').Server | undefined>} undefined: taken
 */
function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => {
      if ('code' in error && error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen(address, () => resolve(server));
  });
}

/**
 * Resolves when the holder has gone. The pause keeps a holder that has not yet begun to accept from being asked in a busy loop.
 *
 * @param {import('node:net').NetConnectOpts} address
 */
function untilReleased(address) {
  return new Promise((resolve) => {
    const socket = connect(address);
    socket.on('error', () => {});
    socket.on('close', () => setTimeout(resolve, 50));
    socket.resume();
  });
}
