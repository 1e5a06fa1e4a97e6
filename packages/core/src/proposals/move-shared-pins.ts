import { applyEdits, type TextEdit } from './apply-edits.ts';
import { meansOnly, pinEdits, type ReadOptions } from './move-pins.ts';
import type { PinMove } from './types.ts';

/** What one image wants moved in a Dockerfile. */
export interface SharedMoves {
  readonly image: string;
  readonly moves: readonly PinMove[];
  /** As its own build reads the file. */
  readonly options: ReadOptions;
}

export interface MovedTogether {
  /** Undefined where nobody's moves could be made. */
  readonly text: string | undefined;
  /** Image to the sentence that says why its moves were not made. */
  readonly refused: ReadonlyMap<string, string>;
}

/**
 * One Dockerfile with the moves of several images: what two of them want alike is done once. An image whose moves cannot
 * be made is left out. Where two want different words at one place none of the file's images gets anything: no half of
 * what they want is proposed.
 */
export function moveSharedPins(text: string, asked: readonly SharedMoves[]): MovedTogether {
  const refused = new Map<string, string>();
  const edits: TextEdit[] = [];
  const able = asked.filter(({ image, moves, options }) => {
    const found = pinEdits(text, moves, options);
    if (found.ok) edits.push(...found.value);
    else refused.set(image, found.error);
    return found.ok;
  });
  if (able.length === 0) return { text: undefined, refused };
  const all = (why: string): MovedTogether => {
    for (const { image } of able) refused.set(image, why);
    return { text: undefined, refused };
  };
  const names = able.map(({ image }) => image).join(', ');
  const edited = applyEdits(text, edits);
  if (!edited.ok)
    return all(able.length === 1 ? edited.error : `${names} want different words there: ${edited.error}`);
  const others = new Map(able.flatMap(({ moves }) => moves.map(({ written, moved }) => [written, moved])));
  for (const { image, moves, options } of able) {
    const own = new Map([...others, ...moves.map(({ written, moved }) => [written, moved] as const)]);
    if (meansOnly(text, edited.value, own, options)) continue;
    return all(
      able.length === 1
        ? 'moving it would change more of the Dockerfile than it should'
        : `what ${names} want there contradicts what ${image} is built from`,
    );
  }
  return { text: edited.value, refused };
}
