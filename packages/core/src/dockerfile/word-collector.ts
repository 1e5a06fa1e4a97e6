import { isSpace } from './characters.ts';

/** Words split at white space; what is quoted or escaped is added raw. The word in progress is the caller's. */
export class WordCollector {
  readonly list: string[] = [];
  #inWord = false;

  add(word: string, text: string): string {
    let current = word;
    for (let index = 0; index < text.length; index += 1) {
      if (!isSpace(text.charCodeAt(index))) {
        current += text.charAt(index);
        this.#inWord = true;
      } else if (this.#inWord && current !== '') {
        this.list.push(current);
        current = '';
        this.#inWord = false;
      }
    }
    return current;
  }

  addRaw(word: string, text: string): string {
    this.#inWord = true;
    return word + text;
  }

  finish(word: string): string {
    if (word !== '') this.list.push(word);
    this.#inWord = false;
    return '';
  }
}
