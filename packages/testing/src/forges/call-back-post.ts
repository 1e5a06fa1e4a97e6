import { hour, second, type Duration, type Instant } from '@image-factory/core/time.ts';
import type { SentCallBack } from './call-back-signing.ts';

/** What can go wrong on the way; each a chance between 0 and 1 per call-back, and may be changed at any time. */
export interface CallBackFaults {
  /** Sent again, with a way of its own. */
  doubled: number;
  /** It comes up to `lateness` later. */
  late: number;
  lateness: Duration;
  lost: number;
}

const noCallBackFaults: Readonly<CallBackFaults> = { doubled: 0, late: 0, lateness: hour, lost: 0 };

/** Each takes up to so long, so that those of one moment come in any order. */
const usualWay = 5 * second;

/** The way of call-backs from a fake forge to whoever listens: nobody waits for an answer, and nothing is sent again. */
export class CallBackPost {
  readonly faults: CallBackFaults = { ...noCallBackFaults };
  sent = 0;
  lost = 0;
  doubled = 0;
  readonly #now: () => Instant;
  readonly #random: () => number;
  readonly #sink: (callBack: SentCallBack) => void;
  #underWay: { readonly at: Instant; readonly callBack: SentCallBack }[] = [];

  constructor(options: {
    now(): Instant;
    readonly random: () => number;
    readonly sink: (callBack: SentCallBack) => void;
  }) {
    this.#now = options.now;
    this.#random = options.random;
    this.#sink = options.sink;
  }

  /** `at`: when what it tells happened. */
  send(callBack: SentCallBack, at: Instant): void {
    this.sent += 1;
    if (this.#random() < this.faults.lost) {
      this.lost += 1;
      return;
    }
    this.#underWay.push({ at: at + this.#way(), callBack });
    if (this.#random() >= this.faults.doubled) return;
    this.doubled += 1;
    this.#underWay.push({ at: at + this.#way(), callBack });
  }

  /** Hands over what has arrived until now. */
  deliver(): void {
    const now = this.#now();
    const due = this.#underWay.filter(({ at }) => at <= now).toSorted((a, b) => a.at - b.at);
    this.#underWay = this.#underWay.filter(({ at }) => at > now);
    for (const { callBack } of due) this.#sink(callBack);
  }

  #way(): Duration {
    const { late, lateness } = this.faults;
    const delay = this.#random() < late ? this.#random() * lateness : 0;
    return Math.round(this.#random() * usualWay + delay);
  }
}

/** Sends call-backs for what happens to the runs of a fake forge. */
export interface CallBackSetup {
  readonly secret: string;
  readonly post: CallBackPost;
}
