import { expect, test } from 'vitest';
import { readSteps, stageNames } from './dockerfile-steps.ts';

const keywords = (text: string) =>
  readSteps(text, 'Dockerfile').steps.map(
    (step) => `${step.line} ${step.keyword}${step.heredoc ? ' <<' : ''}`,
  );

test('continuations, comments inside them, flags and the escape directive', () => {
  const { steps, escape } = readSteps(
    '# escape=`\n# comment\nfrom --platform=linux/amd64 a `\n# in between\n\n  AS Build\nRUN --mount=type=cache,target="/a b" x\\\nCMD y\n',
    'Dockerfile',
  );
  expect(escape).toBe('`');
  expect(steps.map(({ keyword, flags, rest }) => ({ keyword, flags, rest }))).toEqual([
    { keyword: 'FROM', flags: ['--platform=linux/amd64'], rest: 'a   AS Build' },
    { keyword: 'RUN', flags: ['--mount=type=cache,target=/a b'], rest: 'x\\' },
    { keyword: 'CMD', flags: [], rest: 'y' },
  ]);
  expect(stageNames(steps)).toEqual(new Set(['build']));
});

test.each([
  ['RUN <<EOF\nFROM x\nEOF\nCMD a\n', ['1 RUN <<', '4 CMD']],
  ['COPY <<-"A" <<B /x/\n1\n\tA\n2\nB\nCMD a\n', ['1 COPY <<', '6 CMD']],
  ['RUN cat 3<< EOF\nRUN no\nEOF\n', ['1 RUN <<']],
  ['ONBUILD RUN <<E\nE\nCMD a\n', ['1 ONBUILD <<', '3 CMD']],
  ['RUN cat<<EOF\nCMD a\n', ['1 RUN', '2 CMD']],
  ['RUN cat <<<word\nRUN echo $((1<<4)) "a <<EOF"\nCMD a\n', ['1 RUN', '2 RUN', '3 CMD']],
  ['RUN ["a", "<<EOF"]\nCMD cat <<EOF\nLABEL a=b\n', ['1 RUN', '2 CMD', '3 LABEL']],
])('heredocs in %j', (text, expected) => expect(keywords(text)).toEqual(expected));

test('a file that cannot be split is refused with its line', () => {
  expect(() => readSteps('FROM a\nRUN <<EOF\n', 'app/Dockerfile')).toThrow(
    expect.objectContaining({
      problem: expect.objectContaining({
        code: 'DOCKERFILE_INVALID',
        place: { file: 'app/Dockerfile', line: 2 },
      }) as unknown,
    }) as Error,
  );
});
