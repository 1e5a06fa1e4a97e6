import { FactoryError } from '@image-factory/core/problem.ts';
import type { CallBackNews } from '@image-factory/core/ports/call-back.ts';
import type { Handed, HandedState } from '@image-factory/engine/handed.ts';
import type { Report } from '@image-factory/engine/take-report.ts';
import type { ServerParts } from './parts.ts';

const unsigned = new FactoryError({
  code: 'CALL_BACK_REFUSED',
  message: 'the signature is wrong',
  hint: 'Set the same secret at both ends.',
});

/** Parts that write down what they are asked for. */
export class TestParts implements ServerParts {
  readonly asked: string[] = [];
  readonly logged: string[] = [];
  secret: string | undefined = 'a-token';
  news: CallBackNews | Error = { kind: 'look' };
  state: HandedState | Error = { kind: 'running', run: '7' };
  image: string | undefined = 'app';
  isOpen = true;
  why: string | undefined;
  /** The body of the last call-back. */
  body: string | undefined;
  readonly log: ServerParts['log'] = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message) => void this.logged.push(message),
    progress: () => undefined,
  };

  async token(): Promise<string | undefined> {
    return this.secret;
  }

  callBacksOf: ServerParts['callBacksOf'] = (provider) =>
    provider === 'github'
      ? {
          provider,
          read: async ({ headers, body }) => {
            this.body = new TextDecoder().decode(body);
            if (headers.get('x-signature') !== 'right') throw unsigned;
            return told(this.news);
          },
        }
      : undefined;

  async takeReport(provider: string, { key, report }: Report): Promise<string | undefined> {
    this.asked.push(`report ${provider} ${key} ${report.status}`);
    return this.image;
  }

  lookSoon(provider: string, run: string | undefined): boolean {
    this.asked.push(`look ${provider} ${run ?? 'whatever'}`);
    return this.isOpen;
  }

  async startRebuild({ image, key, attempt }: Handed): Promise<HandedState> {
    this.asked.push(`start ${image} ${key}/${attempt}`);
    return told(this.state);
  }

  async rebuildState({ image, key, attempt }: Handed): Promise<HandedState> {
    this.asked.push(`state ${image} ${key}/${attempt}`);
    return told(this.state);
  }

  notReady(): string | undefined {
    return this.why;
  }
}

function told<T>(answer: T | Error): T {
  if (answer instanceof Error) throw answer;
  return answer;
}
