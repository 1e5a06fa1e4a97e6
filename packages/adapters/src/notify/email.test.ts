import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, setDefaultCACertificates, TLSSocket } from 'node:tls';
import type { EmailChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createEmailNotifier } from './email.ts';
import { common, message, never, secretsOf } from './test-channels.ts';

interface Mail {
  from: string;
  to: string[];
  data: string;
  secure: boolean;
  login: string | undefined;
}

interface Behaviour {
  readonly startTls?: boolean;
  readonly refuses?: string;
  readonly hangsAt?: string;
  readonly drips?: boolean;
  readonly password?: string;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const folder = mkdtempSync(join(tmpdir(), 'smtp-'));
const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
beforeAll(() => {
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', ...made, ...subject], { stdio: 'ignore' });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** As much of SMTP as a client needs (RFC 5321, 3207, 4954). */
async function smtpServer(behaviour: Behaviour = {}) {
  const mails: Mail[] = [];
  const commands: string[] = [];
  const open = new Set<Socket>();

  function serve(socket: Socket, secure: boolean, greets: boolean): void {
    let mail: Mail = { from: '', to: [], data: '', secure, login: undefined };
    let isData = false;
    let rest = '';
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    socket.on('error', () => undefined);
    if (behaviour.drips) {
      const drip = setInterval(() => socket.write('2'), 20);
      socket.on('close', () => clearInterval(drip));
      return;
    }
    if (greets && behaviour.hangsAt !== 'GREETING') say('220 test ESMTP');
    const onData = (chunk: Buffer): void => {
      rest += chunk.toString();
      for (;;) {
        const end = rest.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const line = rest.slice(0, end);
        rest = rest.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          mails.push({ ...mail, data: line });
          mail = { ...mail, from: '', to: [] };
          say('250 taken');
          continue;
        }
        commands.push(line);
        const word = line.split(/[ :]/, 1)[0]?.toUpperCase() ?? '';
        if (word === behaviour.hangsAt) return;
        if (word === 'EHLO') {
          say('250-test');
          if (behaviour.startTls && !secure) say('250-STARTTLS');
          if (behaviour.password !== undefined) say('250-AUTH PLAIN');
          say('250 8BITMIME');
        } else if (word === 'STARTTLS') {
          say('220 go');
          socket.off('data', onData);
          const context = createSecureContext({ key: readFileSync(key), cert: readFileSync(cert) });
          serve(new TLSSocket(socket, { isServer: true, secureContext: context }), true, false);
          return;
        } else if (word === 'AUTH') {
          const [, user = '', password] = Buffer.from(line.split(' ')[2] ?? '', 'base64')
            .toString()
            .split('\0');
          mail.login = user;
          say(password === behaviour.password ? '235 welcome' : `535 no: ${password}`);
        } else if (word === 'MAIL') {
          mail.from = /<(.*?)>/.exec(line)?.[1] ?? '';
          say('250 ok');
        } else if (word === 'RCPT') {
          const to = /<(.*?)>/.exec(line)?.[1] ?? '';
          const refused = to === behaviour.refuses;
          if (!refused) mail.to.push(to);
          say(refused ? '550 nobody' : '250 ok');
        } else if (word === 'DATA') {
          isData = true;
          say('354 go');
        } else if (word === 'QUIT') {
          say('221 bye');
          socket.end();
        } else say('250 ok');
      }
    };
    socket.on('data', onData);
  }

  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    serve(socket, false, true);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, mails, commands, open };
}

function email(port: number, more: Partial<EmailChannel> = {}, password = ''): Notifier {
  const channel = {
    ...common,
    kind: 'email',
    host: 'localhost',
    port,
    tls: 'none',
    login: undefined,
    from: 'Factory <factory@example.com>',
    to: ['a@example.com', 'b@example.com'],
    ...more,
  } as const;
  return createEmailNotifier(channel, { secrets: secretsOf({ PASSWORD: password }), timeout: 500 });
}

const login = { user: 'factory', password: { kind: 'env', name: 'PASSWORD' } } as const;

async function telling(notifier: Notifier, messages: readonly Message[] = [message()]) {
  const told: Message[] = [];
  const thrown: unknown = await notifier
    .tell(messages, (one) => void told.push(one), never)
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  return { told, thrown };
}

describe('mail', () => {
  it('is one for all that is new', async () => {
    const server = await smtpServer();
    const messages = [message({ error: 'line 1\nline 2' }), message({ title: 'other: stopped' })];
    expect(await telling(email(server.port), messages)).toEqual({ told: messages, thrown: undefined });
    expect(server.mails).toMatchObject([
      { from: 'factory@example.com', to: ['a@example.com', 'b@example.com'], login: undefined },
    ]);
    const data = server.mails[0]?.data ?? '';
    expect(data).toContain('Subject: [Image Factory] 2 messages');
    expect(data).toContain('Auto-Submitted: auto-generated');
    expect(data).toMatch(/Message-ID: <[0-9a-f]{40}@image-factory>/i);
    expect(data).toContain('    line 1\r\n    line 2');
    expect(data).toContain('other: stopped');
  });

  it('has the same id for the same news', async () => {
    const server = await smtpServer();
    await telling(email(server.port));
    await telling(email(server.port));
    const ids = server.mails.map(({ data }) => /Message-ID: (.*)/i.exec(data)?.[1]);
    expect(ids[0]).toBe(ids[1]);
  });

  it('takes no header and no recipient from what others wrote', async () => {
    const server = await smtpServer();
    const title = 'x\r\nBcc: evil@example.com\r\n\r\nhi\u2028\u202e';
    await telling(email(server.port), [message({ title, error: 'a\r\n.\r\nMAIL FROM:<evil@example.com>' })]);
    expect(server.mails).toHaveLength(1);
    expect(server.mails[0]?.to).toEqual(['a@example.com', 'b@example.com']);
    const [head = ''] = (server.mails[0]?.data ?? '').split('\r\n\r\n');
    expect(head).not.toMatch(/^bcc/im);
    expect(head).toMatch(/^Subject: \[Image Factory\] x Bcc: evil@example.com hi\r$/m);
  });

  it('that some cannot get is told, and says who', async () => {
    const server = await smtpServer({ refuses: 'b@example.com' });
    const { told, thrown } = await telling(email(server.port));
    expect(told).toHaveLength(1);
    expect(thrown).toMatchObject({
      problem: { code: 'NOTIFY_FAILED', message: expect.stringContaining('b@example.com') },
    });
  });

  it.each(['GREETING', 'EHLO', 'MAIL', 'RCPT', 'DATA'])(
    'is not told where the server hangs at %s',
    async (hangsAt) => {
      const server = await smtpServer({ hangsAt });
      const { told, thrown } = await telling(email(server.port));
      expect(told).toEqual([]);
      expect(thrown).toMatchObject({ problem: { code: 'NOTIFY_FAILED' } });
    },
  );

  it('is left, with its connection, when it is asked to stop', async () => {
    const server = await smtpServer({ drips: true });
    await expect(
      email(server.port).tell([message()], () => undefined, AbortSignal.timeout(150)),
    ).rejects.toMatchObject({ name: 'TimeoutError' });
    for (let tries = 0; server.open.size > 0 && tries < 50; tries++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(server.open.size).toBe(0);
  });

  it('is not told where nobody listens', async () => {
    const { told, thrown } = await telling(email(1));
    expect(told).toEqual([]);
    expect(thrown).toMatchObject({ problem: { message: expect.stringContaining('localhost:1') } });
  });
});

describe('a login', () => {
  it('is sent, and its password is in no message', async () => {
    const server = await smtpServer({ password: 'right-password' });
    await telling(email(server.port, { login }, 'right-password'));
    expect(server.mails).toMatchObject([{ login: 'factory' }]);
    const { thrown } = await telling(email(server.port, { login }, 'wrong-password'));
    expect(thrown).toMatchObject({ problem: { message: expect.stringContaining('535') } });
    expect(JSON.stringify((thrown as { problem: unknown }).problem)).not.toContain('wrong-password');
    await expect(email(server.port, { login }, 'wrong-password').check(never)).rejects.toThrow('535');
    await email(server.port, { login }, 'right-password').check(never);
    expect(server.mails).toHaveLength(1);
  });
});

describe('starttls', () => {
  it('is insisted on: without it nothing is said', async () => {
    const server = await smtpServer({ password: 'p' });
    const { told, thrown } = await telling(email(server.port, { tls: 'starttls', login }, 'p'));
    expect(told).toEqual([]);
    expect(thrown).toMatchObject({ problem: { code: 'NOTIFY_FAILED' } });
    expect(server.commands.some((line) => /^(AUTH|MAIL)/.test(line))).toBe(false);
  });

  it('goes on only where the certificate is trusted', async () => {
    const server = await smtpServer({ startTls: true });
    const { told } = await telling(email(server.port, { tls: 'starttls' }));
    expect([told, server.mails]).toEqual([[], []]);
    const before = getCACertificates('default');
    setDefaultCACertificates([...before, readFileSync(cert, 'utf8')]);
    try {
      await telling(email(server.port, { tls: 'starttls' }));
      expect(server.mails).toMatchObject([{ secure: true }]);
    } finally {
      setDefaultCACertificates(before);
    }
  });
});
