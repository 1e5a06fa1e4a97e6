import { counted } from '@image-factory/engine/wording.ts';
import type { Decision, Plan, Reason } from '@image-factory/core/plan/types.ts';
import { reasonText } from '@image-factory/core/plan/reason-text.ts';
import type { Style } from './style.ts';
import { table } from './table.ts';

/** What to tell first of a decision: why it is due, else why nothing is. */
function headline({ due, notes, action }: Decision): Reason | undefined {
  if (action === 'blocked' || action === 'wait' || action === 'report') return notes[0] ?? due[0];
  // Of an image with nothing to do the most telling is what it will be due for.
  return due[0] ?? notes.find(({ code }) => code === 'not-matured') ?? notes[0];
}

export function planText(plan: Plan, all: boolean, style: Style): string {
  const shown = plan.decisions.filter(({ action, kind }) => all || (kind === 'managed' && action !== 'none'));
  const paint = {
    start: style.good,
    wait: style.warn,
    follow: style.good,
    blocked: style.bad,
    report: style.warn,
    none: style.dim,
  };
  const rows = shown.map((decision) => [
    { text: decision.image, paint: style.bold },
    { text: decision.emergency ? `${decision.action}!` : decision.action, paint: paint[decision.action] },
    decision.at === undefined ? (decision.action === 'start' ? 'now' : '') : style.when(decision.at),
    why(decision, style),
  ]);
  const counts = Object.entries(Object.groupBy(plan.decisions, ({ action }) => action))
    .map(([action, list]) => `${list.length} ${action}`)
    .toSorted()
    .join(', ');
  const body = rows.length > 0 ? table(['image', 'action', 'when', 'why'], rows, style) : 'Nothing is due.\n';
  const cycles = plan.cycles
    .map((cycle) => style.bad(`cycle: ${[...cycle, cycle[0]].join(' -> ')}\n`))
    .join('');
  return `${body}${cycles}${style.dim(`${counted(plan.decisions.length, 'image')}: ${counts || 'none'}`)}\n`;
}

function why(decision: Decision, style: Style): string {
  const first = headline(decision);
  const text = first ? reasonText(first, style.when) : '';
  const cause = decision.due[0];
  const more = cause && cause !== first ? ` (due: ${reasonText(cause, style.when)})` : '';
  return text + more;
}

export function explainText(decision: Decision, style: Style): string {
  const lines = [
    `${style.bold(decision.image)}: ${decision.action}${decision.at === undefined ? '' : ` ${style.when(decision.at)}`}`,
  ];
  const section = (title: string, reasons: readonly Reason[]): void => {
    if (reasons.length === 0) return;
    lines.push('', style.dim(title));
    for (const reason of reasons) lines.push(`  ${reason.code.padEnd(22)} ${reasonText(reason, style.when)}`);
  };
  section('due because', decision.due);
  section('to be known', decision.notes);
  if (decision.pins.length > 0) {
    lines.push('', style.dim('a build now would use'));
    for (const pin of decision.pins) lines.push(`  ${pin.reference} @ ${pin.digest}`);
  }
  if (decision.key) {
    const attempt = decision.due.length > 0 ? `, attempt ${decision.attempt ?? 1}` : '';
    lines.push('', `build key ${decision.key}${attempt}`);
  }
  if (decision.newest) lines.push('', `newest   ${decision.newest.tag} @ ${decision.newest.digest}`);
  if (decision.approved) lines.push(`approved ${decision.approved.tag} @ ${decision.approved.digest}`);
  return lines.join('\n') + '\n';
}
