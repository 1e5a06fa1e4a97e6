import type { ManagedEnrolment } from '../enrolment/types.ts';
import type { Dependency, ImageRecord } from '../state/types.ts';
import { sharedCandidate, type AssessContext } from './assess-context.ts';
import { emptyVerdict, judgeBase, type BaseVerdict } from './bases.ts';
import type { Reason, RebuildRequest } from './types.ts';

/** The verdict on every base of an image; what names no base that can be watched is gathered under no name. */
export function judgeBases(
  enrolment: ManagedEnrolment,
  record: ImageRecord,
  request: RebuildRequest | undefined,
  context: AssessContext,
): BaseVerdict[] {
  const { input, graph, managed, provenance } = context;
  const usesOf = new Map<string, Dependency[]>();
  const unwatchable: Reason[] = [];
  for (const use of record.dependencies) {
    if (use.base === undefined) {
      unwatchable.push({
        code: use.kind === 'syntax' ? 'syntax-image' : 'unwatchable',
        detail: use.reference,
      });
      continue;
    }
    const known = usesOf.get(use.base);
    if (known) known.push(use);
    else usesOf.set(use.base, [use]);
  }
  const parents = graph.nodes.get(enrolment.name)?.parents ?? [];
  const facts = provenance.get(enrolment.name) ?? [];
  const verdicts: BaseVerdict[] = [];
  for (const [name, uses] of usesOf) {
    const base = input.state.bases.get(name);
    const parent = parents.find((edge) => edge.base === name)?.image;
    const unmoved = graph.unmovedTags.get(name);
    const real = uses.filter((use) => use.kind !== 'syntax');
    if (unmoved !== undefined && real.some((use) => !use.reference.includes('@'))) {
      // No build of ours moves the written tag, so a pin could only freeze it: the Dockerfile has to change.
      verdicts.push(
        emptyVerdict(name, undefined, [{ code: 'needs-source-change', base: name, image: unmoved }]),
      );
      continue;
    }
    if (!base) {
      const unseen: Reason = { code: 'unobserved', base: name };
      verdicts.push({
        ...emptyVerdict(name, parent, [unseen]),
        pinless: real.length > 0 ? unseen : undefined,
      });
      continue;
    }
    if (real.length === 0) {
      verdicts.push(emptyVerdict(name, parent, [{ code: 'syntax-image', base: name }]));
      continue;
    }
    // A base that we build ourselves has no delay unless its own enrolment sets one.
    const delay = parent === undefined ? enrolment.rebuildDelay : (managed.get(parent)?.ownDelay ?? 0);
    const candidate = sharedCandidate(context, base, real, delay, parent !== undefined);
    verdicts.push(
      judgeBase({
        input,
        enrolment,
        image: record,
        base,
        uses: real,
        parent,
        candidate,
        provenance: facts,
        request,
      }),
    );
  }
  if (unwatchable.length > 0) verdicts.push(emptyVerdict('', undefined, unwatchable));
  return verdicts;
}
