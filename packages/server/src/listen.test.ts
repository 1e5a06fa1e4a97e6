import { connect } from 'node:net';
import { FactoryError } from '@image-factory/core/problem.ts';
import { Hono } from 'hono';
import { expect, it, onTestFinished } from 'vitest';
import { createApp } from './app.ts';
import { listen, type Listening } from './listen.ts';
import { TestParts } from './test-parts.ts';

async function listening(app = createApp(new TestParts())): Promise<Listening> {
  const server = await listen(app, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  return server;
}

it('answers at a socket, and at none that is taken', async () => {
  const { port, host, url } = await listening();
  expect((await fetch(`http://${host}:${port}/healthz`)).status).toBe(200);
  expect(url).toBe(`http://127.0.0.1:${port}`);
  const taken = await listen(createApp(new TestParts()), { host, port }).catch((thrown: unknown) => thrown);
  expect(taken).toBeInstanceOf(FactoryError);
  expect((taken as FactoryError).message).toContain(`127.0.0.1:${port}: something else listens there`);
});

it('at an address of IPv6 names it so that it can be asked', async ({ skip }) => {
  const server = await listen(createApp(new TestParts()), { host: '::1', port: 0 }).catch(() => skip());
  onTestFinished(() => server.close());
  expect(server.url).toBe(`http://[::1]:${server.port}`);
  expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
});

it('a body that is announced as too large, or that does not end, is cut off', async () => {
  const parts = new TestParts();
  const { port } = await listening(createApp(parts));
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(
        'POST /hooks/github HTTP/1.1\r\nhost: a\r\nx-signature: right\r\ntransfer-encoding: chunked\r\n\r\n',
      );
      const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
      for (let sent = 0; sent < 40; sent++) socket.write(chunk);
    });
    let heard = '';
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      heard += text;
      if (heard.includes('\r\n\r\n')) {
        resolve(heard);
        socket.destroy();
      }
    });
    socket.on('error', reject);
  });
  expect(answer).toContain('413');
  expect(parts.asked).toEqual([]);
});

it('closes after the requests at work, and takes no others', async () => {
  let finish = (): void => undefined;
  let begun = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begun = resolve));
  const app = new Hono().get('/slow', async (context) => {
    begun();
    await new Promise<void>((resolve) => (finish = resolve));
    return context.text('done');
  });
  const server = await listening(app);
  const slow = fetch(`http://127.0.0.1:${server.port}/slow`, { headers: { connection: 'close' } });
  await isBegun;
  const closed = server.close();
  await expect(fetch(`http://127.0.0.1:${server.port}/slow`)).rejects.toThrow('fetch failed');
  finish();
  expect(await (await slow).text()).toBe('done');
  await closed;
});
