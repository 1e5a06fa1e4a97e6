/** More texts than a factory repeats; a hostile one fills this and no more. */
const mostTexts = 1000;
const longestText = 300;

/** The same question about the same text is answered once: thousands of resources share their intervals, labels and patterns. */
export function remembered<Answer>(answer: (text: string) => Answer): (text: string) => Answer {
  const answers = new Map<string, { readonly answer: Answer }>();
  return (text) => {
    const before = answers.get(text);
    if (before) return before.answer;
    const given = answer(text);
    if (text.length <= longestText && answers.size < mostTexts) answers.set(text, { answer: given });
    return given;
  };
}
