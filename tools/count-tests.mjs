// Prints what a vitest JSON report says as one line: "N passed, N failed" and ", N skipped" if any were.
//
//   node tools/count-tests.mjs REPORT EXIT-CODE-OF-THE-TESTS
//
// Exits 0 only if the tests did, none failed and at least one passed.
import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Report
 * @property {number} numPassedTests
 * @property {number} numFailedTests
 * @property {number} numPendingTests
 * @property {number} numTodoTests
 * @property {readonly { status: string, name: string, assertionResults: readonly { status: string }[] }[]} testResults
 */

const [file = '', exitCode = '1'] = process.argv.slice(2);
const report = readReport(file);
const { passed, failed, skipped } = report ? count(report) : { passed: 0, failed: 0, skipped: 0 };

if (!report) console.log('no test ran: there is no report of the tests');
else if (passed + failed === 0) console.log('no test ran');
else if (exitCode !== '0' && failed === 0)
  console.log(`the tests ended with exit ${exitCode} for a reason outside of them; see above`);
console.log(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`);
process.exitCode = exitCode === '0' && failed === 0 && passed > 0 ? 0 : 1;

/**
 * A file that failed without a failed test (it could not be loaded, or a hook threw) counts as one failed test: it is in no
 * other number.
 *
 * @param {Report} report
 */
function count(report) {
  const outside = report.testResults.filter(
    (each) => each.status === 'failed' && !each.assertionResults.some((test) => test.status === 'failed'),
  );
  for (const each of outside) console.log(`failed outside of its tests: ${each.name}`);
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + outside.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

/**
 * @param {string} path
 * @returns {Report | undefined}
 */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}
