import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errorText, openBuildLog } from './build-log.ts';
import { temporary } from './test-place.ts';

test('secrets are masked wherever the output was cut', async () => {
  const path = join(await temporary(), 'a.log');
  const log = openBuildLog(path, { maxBytes: 10_000, secrets: ['hunter22', 'hunter22-long'] });
  log.write('password hun');
  log.write('ter22 and hunter22-long\nGET https://me:pw@host.example/x\nAuthorization: Bearer abc.def\n');
  log.line('ours: hunter22');
  log.close();
  const text = await readFile(path, 'utf8');
  expect(text).toBe(
    'password *** and ***\nGET https://***@host.example/x\nAuthorization: Bearer ***\nours: ***\n',
  );
  expect(log.tail().join()).not.toContain('hunter');
});

test('the file stays below its cap and keeps the end', async () => {
  const path = join(await temporary(), 'a.log');
  const log = openBuildLog(path, { maxBytes: 2000, secrets: [] });
  for (let index = 0; index < 5000; index += 1) log.write(`line ${index}\n`);
  log.close();
  const text = await readFile(path, 'utf8');
  expect(text.length).toBeLessThan(4000);
  expect(text).toMatch(/^line 0\n/);
  expect(text).toMatch(/lines left out.*\n(?:line \d+\n)*line 4999\n$/);
});

test('an endless line is cut', async () => {
  const path = join(await temporary(), 'a.log');
  const log = openBuildLog(path, { maxBytes: 1_000_000, secrets: [] });
  for (let index = 0; index < 100; index += 1) log.write('x'.repeat(10_000));
  log.close();
  expect((await readFile(path, 'utf8')).length).toBeLessThan(300_000);
});

test('the error text leaves progress out', () => {
  expect(errorText(['compiling', 'Copying blob sha256:1', '', 'boom', 'exit status 1'])).toBe(
    'compiling\nboom',
  );
});
