import type { CallBackReader } from '@image-factory/core/ports/call-back.ts';
import type { Provider } from '@image-factory/core/enrolment/types.ts';
import type { Handed, HandedState } from '@image-factory/engine/handed.ts';
import type { Log } from '@image-factory/engine/deps.ts';
import type { Report } from '@image-factory/engine/take-report.ts';

/** What the server answers from; the command line composes it. All of it may change between two requests. */
export interface ServerParts {
  /** Undefined: nobody may ask for rebuilds. Throws FactoryError where the secret cannot be read. */
  token(): Promise<string | undefined>;
  /** Undefined: call-backs of this provider are not listened to. */
  callBacksOf(provider: Provider): CallBackReader | undefined;
  /** Takes down what a run of this provider reported, for the cycle that begins soon; answers the image, if its rebuild is open. */
  takeReport(provider: Provider, report: Report): Promise<string | undefined>;
  /** There is news of a run: the next cycle begins soon, unless no open rebuild can be meant. Answers which. */
  lookSoon(provider: Provider, run: string | undefined): boolean;
  startRebuild(handed: Handed): Promise<HandedState>;
  rebuildState(handed: Handed): Promise<HandedState>;
  /** Undefined: it works; otherwise why not. */
  notReady(): string | undefined;
  readonly log: Log;
}
