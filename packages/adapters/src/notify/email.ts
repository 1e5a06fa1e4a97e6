import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { EmailChannel } from '@image-factory/core/enrolment/notification-settings.ts';
import { linesOf } from '@image-factory/core/notify/messages.ts';
import type { Message, Notifier } from '@image-factory/core/ports/notifier.ts';
import { second } from '@image-factory/core/time.ts';
import { createTransport } from 'nodemailer';
import type { SecretSource } from '../secrets/secret-source.ts';
import { asNotTold, notTold } from './failure.ts';
import { oneLine, someLines } from './plain-text.ts';

export interface EmailOptions {
  readonly secrets: SecretSource;
  /** Without a word from the server for so long it is given up. @default 10 s */
  readonly timeout?: number;
}

const hint = 'Check host, port, tls, user and password of the channel.';

/** One mail for all that is new. It is as reliable as SMTP: what the server took was told. */
export function createEmailNotifier(channel: EmailChannel, options: EmailOptions): Notifier {
  const { secrets, timeout = 10 * second } = options;

  async function passwordOf(): Promise<string> {
    if (!channel.login) return '';
    try {
      return await secrets.read(channel.login.password, `smtp://${channel.host}:${channel.port}`);
    } catch (thrown) {
      throw asNotTold(channel.name, thrown);
    }
  }

  /** Works on one connection, which ends with it, whatever the server does. */
  async function connected<T>(signal: AbortSignal, work: (transport: Transport) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const password = await passwordOf();
    const sockets = new Set<Socket>();
    const transport = createTransport({
      host: channel.host,
      port: channel.port,
      secure: channel.tls === 'tls',
      requireTLS: channel.tls === 'starttls',
      ignoreTLS: channel.tls === 'none',
      ...(channel.login ? { auth: { user: channel.login.user, pass: password } } : {}),
      tls: { servername: channel.host.replace(/^\[|\]$/g, '') },
      connectionTimeout: timeout,
      greetingTimeout: timeout,
      socketTimeout: timeout,
      disableFileAccess: true,
      disableUrlAccess: true,
      getSocket(_options, done) {
        const socket = connect({ host: channel.host.replace(/^\[|\]$/g, ''), port: channel.port });
        sockets.add(socket);
        socket.setTimeout(timeout, () => socket.destroy(new Error('no answer in time')));
        const failed = (error: Error): void => done(error);
        socket.once('error', failed);
        socket.once('connect', () => {
          socket.off('error', failed);
          socket.setTimeout(0);
          done(null, { connection: socket });
        });
      },
    });
    let cut: (() => void) | undefined;
    try {
      const cutOff = new Promise<never>((_, reject) => {
        cut = () => reject(signal.reason as Error);
        signal.addEventListener('abort', cut, { once: true });
      });
      return await Promise.race([work(transport), cutOff]);
    } catch (thrown) {
      if (signal.aborted) throw signal.reason;
      const message = thrown instanceof Error ? thrown.message : 'no answer';
      const said = [password, Buffer.from(password).toString('base64')];
      throw notTold(channel.name, `${channel.host}:${channel.port}: ${message}`, hint, said);
    } finally {
      if (cut) signal.removeEventListener('abort', cut);
      transport.close();
      for (const socket of sockets) socket.destroy();
    }
  }

  return {
    async tell(messages, told, signal) {
      const { rejected } = await connected(signal, (transport) =>
        transport.sendMail(mailOf(channel, messages)),
      );
      for (const message of messages) told(message);
      if (rejected.length === 0) return;
      const refused = rejected.map(String).join(', ');
      throw notTold(
        channel.name,
        `${channel.host} refused ${refused}; the others were told`,
        'Mend the addresses in to.',
      );
    },
    async check(signal) {
      await connected(signal, (transport) => transport.verify());
    },
  };
}

type Transport = ReturnType<typeof smtp>;

/** For its type. */
function smtp() {
  return createTransport({ host: '' });
}

/** The library encodes headers; nothing of a message gets near one but its title, on one line. */
function mailOf(channel: Pick<EmailChannel, 'from' | 'to'>, messages: readonly Message[]) {
  const [first] = messages;
  const title = messages.length === 1 && first ? first.title : `${messages.length} messages`;
  const id = createHash('sha256')
    .update(messages.map((message) => message.id).join('\n'))
    .digest('hex');
  return {
    from: channel.from,
    to: [...channel.to],
    subject: `[Image Factory] ${oneLine(title, 150)}`,
    text: `${messages.map(mailText).join('\n\n')}\n`,
    // The same news has the same id: readers of mail show it once.
    messageId: `<${id.slice(0, 40)}@image-factory>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
  };
}

function mailText(message: Message): string {
  const lines = linesOf(message).map(([name, text]) =>
    name === 'last error'
      ? `  ${name}:\n${indented(someLines(text, 2000))}`
      : `  ${name}: ${oneLine(text, 1000)}`,
  );
  return [oneLine(message.title, 500), ...lines].join('\n');
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
