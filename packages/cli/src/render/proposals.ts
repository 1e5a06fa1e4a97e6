import { reasonText } from '@image-factory/core/plan/reason-text.ts';
import { targetOf, type Proposal } from '@image-factory/core/proposals/types.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** What would be proposed to sources; nothing where no image is in pull-request mode. */
export function proposalsText(proposals: readonly Proposal[], all: boolean, style: Style): string {
  const shown = proposals.filter(({ action }) => all || action !== 'none');
  if (shown.length === 0) return '';
  const rows = shown.map(({ image, action, at, due, notes, moves, emergency }) => {
    const open = notes.find(({ code }) => code === 'request-open');
    const isNew = action === 'propose' && !open;
    const first = isNew ? due[0] : action === 'propose' ? open : (notes[0] ?? due[0]);
    return [
      { text: image, paint: style.bold },
      emergency ? `${action}!` : action,
      at === undefined ? (isNew ? 'now' : '') : style.when(at),
      moves.map((move) => `${move.base} ${shortened(targetOf(move))}`).join(', '),
      first ? reasonText(first, style.when) : '',
    ];
  });
  return `\n${table(['request', 'action', 'when', 'moves', 'why'], rows, style)}`;
}

function shortened(target: string): string {
  return target.replace(/(\w+:[0-9a-f]{12})[0-9a-f]+$/, '$1');
}
