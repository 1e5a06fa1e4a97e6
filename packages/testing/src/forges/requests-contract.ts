import type { ManagedEnrolment } from '@image-factory/core/enrolment/types.ts';
import type { SourceRequests } from '@image-factory/core/ports/proposals.ts';
import { FactoryError, type Problem } from '@image-factory/core/problem.ts';
import { beforeEach, describe, expect, it } from 'vitest';
import type { ChangeRequests, ChangeRequestsOptions } from './change-requests.ts';

export interface RequestsPlace {
  readonly requests: SourceRequests & { gitToken(image: ManagedEnrolment): Promise<string> };
  readonly store: ChangeRequests;
  readonly image: ManagedEnrolment;
  /** The same image in a repository of another server. */
  readonly elsewhere: ManagedEnrolment;
}

const branch = 'image-factory/app';
const words = { title: 'Move node:22', body: 'why\n\n<!-- image-factory 0 0 -->' };
export const secretToken = 'a-secret-token-123';

/** What requests of every forge keep, against its fake. */
export function requestsContract(
  forge: string,
  open: (more: Partial<ChangeRequestsOptions>) => RequestsPlace,
): void {
  describe(`requests of ${forge}`, () => {
    let place: RequestsPlace;
    beforeEach(() => {
      place = open({});
    });
    const problemOf = async (work: Promise<unknown>): Promise<Problem> => {
      const thrown = await work.then(
        () => undefined,
        (error: unknown) => error,
      );
      if (!(thrown instanceof FactoryError)) throw new Error(`expected a failure, got ${String(thrown)}`);
      expect(JSON.stringify(thrown.problem)).not.toContain(secretToken);
      return thrown.problem;
    };

    it('opens, finds, changes and closes one', async () => {
      const { requests, store, image } = place;
      expect(await requests.find(image, branch)).toBeUndefined();
      const made = await requests.create(image, branch, 'main', words);
      expect(made).toMatchObject({ number: 1, state: 'open', ...words });
      expect(made?.url).toMatch(/^https:/);
      expect(store.all[0]).toMatchObject({ branch, into: 'main' });
      expect(await requests.find(image, branch)).toStrictEqual(made);
      await requests.update(image, 1, { title: 'Other', body: 'words' });
      expect(await requests.find(image, branch)).toMatchObject({
        title: 'Other',
        body: 'words',
        state: 'open',
      });
      await requests.close(image, 1, 'It is moot.');
      expect(store.all[0]).toMatchObject({ state: 'closed', comments: ['It is moot.'] });
      expect(await requests.find(image, branch)).toMatchObject({ number: 1, state: 'closed' });
      expect(store.mistakes).toStrictEqual([]);
    });

    it('tells merged from closed, and shows the open one before any other', async () => {
      const { requests, store, image } = place;
      await requests.create(image, branch, 'main', words);
      const [first] = store.all;
      if (first) first.state = 'merged';
      expect((await requests.find(image, branch))?.state).toBe('merged');
      await requests.create(image, branch, 'main', words);
      expect(await requests.find(image, branch)).toMatchObject({ number: 2, state: 'open' });
      for (const each of store.all) each.state = 'closed';
      expect(await requests.find(image, branch)).toMatchObject({ number: 2, state: 'closed' });
    });

    it('does not take a request of another branch for its own, among many', async () => {
      const { requests, store, image } = place;
      await requests.create(image, branch, 'main', words);
      for (let number = 2; number <= 130; number += 1)
        store.all.push({ number, branch: `x${number}`, into: 'main', ...words, state: 'open', comments: [] });
      expect((await requests.find(image, branch))?.number).toBe(1);
      expect(await requests.find(image, 'image-factory/other')).toBeUndefined();
    });

    it('says that there is one already, and makes no second', async () => {
      const { requests, store, image } = place;
      await requests.create(image, branch, 'main', words);
      expect(await requests.create(image, branch, 'main', words)).toBeUndefined();
      expect(store.all).toHaveLength(1);
    });

    it('never repeats a create: a lost answer is unknown, and the request is found afterwards', async () => {
      const { requests, store, image } = place;
      store.faults.lostAnswers = 1;
      expect((await problemOf(requests.create(image, branch, 'main', words))).code).toBe('CI_UNREACHABLE');
      expect(store.all).toHaveLength(1);
      store.faults.lostAnswers = 0;
      store.faults.failsBeforeAccept = 1;
      expect((await problemOf(requests.create(image, 'image-factory/b', 'main', words))).code).toBe(
        'CI_UNREACHABLE',
      );
      store.faults.failsBeforeAccept = 0;
      store.faults.throttled = 1;
      expect((await problemOf(requests.create(image, 'image-factory/b', 'main', words))).code).toBe(
        'CI_THROTTLED',
      );
      expect(store.all).toHaveLength(1);
      expect((await requests.find(image, branch))?.state).toBe('open');
    });

    it('explains refusals', async () => {
      const missing = open({ branches: [] });
      const refused = await problemOf(missing.requests.create(missing.image, branch, 'main', words));
      expect(['CI_REFUSED', 'CI_DENIED']).toContain(refused.code);
      const reading = open({ writes: false });
      expect((await problemOf(reading.requests.create(reading.image, branch, 'main', words))).code).toBe(
        'CI_DENIED',
      );
      const other = open({ token: 'another-token-456' });
      expect((await problemOf(other.requests.find(other.image, branch))).code).toBe('CI_DENIED');
    });

    it('gives the token for its own repositories only', async () => {
      const { requests, image, elsewhere } = place;
      expect(await requests.gitToken(image)).toBe(secretToken);
      expect((await problemOf(requests.gitToken(elsewhere))).code).toBe('CI_REFUSED');
      expect((await problemOf(requests.find(elsewhere, branch))).code).toBe('CI_REFUSED');
    });
  });
}
