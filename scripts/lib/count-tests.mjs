// count-tests.mjs REPORT: prints "N passed, N failed" from vitest's JSON report.
import { readFileSync } from 'node:fs';

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// a file that could not be loaded has no tests to count
const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
const failed = report.numFailedTests + broken.length;
process.stdout.write(`${report.numPassedTests} passed, ${failed} failed\n`);
